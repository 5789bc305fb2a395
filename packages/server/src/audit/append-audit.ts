import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuditEventType } from '@twinlock/contract'
import { type Actor, type AuditBody, appendRecord } from '@twinlock/evidence'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { readRequestIdOf } from '../executions/read-executions.ts'
import { findHead, insertAuditRecord } from './audit-store.ts'

export interface AuditEvent {
  readonly type: AuditEventType
  readonly actor: Actor
  readonly subject: { readonly type: string; readonly id: string } | null
  /** Never a secret, never SQL, never a value from a database. */
  readonly data: AuditBody['data']
}

export const SYSTEM: Actor = { type: 'system', id: 'server' }

/** Where somebody counts what a unit of work puts into the log. */
export const eventsOf = new AsyncLocalStorage<{ events: AuditEvent[]; hasFailed: boolean }>()

/** Writes events into the log, in the transaction of the change they record: without them the change does not happen. */
export async function appendAudit(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  ...events: AuditEvent[]
): Promise<void> {
  const noted = eventsOf.getStore()
  try {
    await append(ctx, tx, events)
    noted?.events.push(...events)
  } catch (error) {
    if (noted) noted.hasFailed = true
    throw error
  }
}

async function append(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  events: readonly AuditEvent[],
): Promise<void> {
  let head = await findHead(tx)
  for (const { type, actor, subject, data } of events) {
    const now = ctx.clock.now()
    const record = appendRecord(
      head,
      { v: 1, id: ctx.ids('evt'), type, at: toInstant(now), actor, subject, data },
      Buffer.from(ctx.random(32)).toString('hex'),
    )
    const time = Math.max(now, head.time)
    await insertAuditRecord(tx, record, {
      time,
      type,
      actorId: actor.id,
      subjectId: subject?.id ?? null,
      requestId: await requestIdOf(tx, subject),
    })
    head = { ...record, time }
  }
}

async function requestIdOf(tx: Tx, subject: AuditEvent['subject']): Promise<string | null> {
  if (subject?.type === 'request') return subject.id
  return subject?.type === 'execution' ? ((await readRequestIdOf(tx, subject.id)) ?? null) : null
}
