import type { AuditEventType } from '@twinlock/contract'
import { type Actor, type AuditBody, appendRecord, type ChainHead, EMPTY_CHAIN } from '@twinlock/evidence'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { findChainHead, insertAuditRecord } from './audit-store.ts'

export interface AuditEvent {
  readonly type: AuditEventType
  readonly actor: Actor
  readonly subject: { readonly type: string; readonly id: string } | null
  /** Never a secret, never SQL, never a value from a database. */
  readonly data: AuditBody['data']
}

export const SYSTEM: Actor = { type: 'system', id: 'server' }

/** Writes events into the log, in the transaction of the change they record: without them the change does not happen. */
export async function appendAudit(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  ...events: AuditEvent[]
): Promise<void> {
  let head: ChainHead = (await findChainHead(tx)) ?? EMPTY_CHAIN
  for (const { type, actor, subject, data } of events) {
    const record = appendRecord(
      head,
      { v: 1, id: ctx.ids('evt'), type, at: toInstant(ctx.clock.now()), actor, subject, data },
      Buffer.from(ctx.random(32)).toString('hex'),
    )
    await insertAuditRecord(tx, record)
    head = record
  }
}
