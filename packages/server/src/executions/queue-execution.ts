import type { Actor } from '@twinlock/evidence'
import { appendAudit } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { insertExecution } from './execution-store.ts'

/** Queues an execution of an approved request. Returns its id; the caller wakes the agents after the commit. */
export async function queueExecution(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  request: {
    readonly id: string
    readonly requesterId: string
    readonly database: string
    readonly environment: string
  },
  actor: Actor,
): Promise<string> {
  const id = ctx.ids('exe')
  await insertExecution(tx, {
    id,
    requestId: request.id,
    requesterId: request.requesterId,
    database: request.database,
    environment: request.environment,
    createdAt: ctx.clock.now(),
  })
  await appendAudit(ctx, tx, {
    type: 'execution.queued',
    actor,
    subject: { type: 'execution', id },
    data: { request_id: request.id },
  })
  return id
}
