import type { Actor } from '@twinlock/evidence'
import { appendAudit } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { transition } from './execution-state.ts'
import { listExecutionsOfRequest, updateExecution } from './execution-store.ts'

/** Cancels the request's execution if it has not started. Returns its id, or undefined when there is none to cancel. */
export async function cancelUnstartedExecution(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  requestId: string,
  actor: Actor,
): Promise<string | undefined> {
  const now = ctx.clock.now()
  for (const execution of await listExecutionsOfRequest(tx, requestId)) {
    const move = transition(execution, { type: 'cancel' }, now)
    if (!move.ok) continue
    const change = { status: move.next, effect: move.effect, finishedAt: now, leaseExpiresAt: null }
    if (!(await updateExecution(tx, execution, change))) continue
    await appendAudit(ctx, tx, {
      type: 'execution.cancelled',
      actor,
      subject: { type: 'execution', id: execution.id },
      data: { effect: move.effect },
    })
    return execution.id
  }
  return undefined
}
