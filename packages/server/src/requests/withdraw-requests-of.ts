import { appendAudit, SYSTEM } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { cancelUnstartedExecution } from '../executions/cancel-unstarted-execution.ts'
import { transition } from './request-state.ts'
import { getRequest, listOpenRequestsOf, stateOf, updateRequest } from './request-store.ts'

/**
 * Withdraws the open requests of somebody who was removed. An execution that runs, or is lost, goes on to an end of its
 * own. Returns how many were withdrawn, and the topics that changed.
 */
export async function withdrawRequestsOf(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  requesterId: string,
): Promise<{ topics: string[]; withdrawn: number }> {
  const topics: string[] = []
  let withdrawn = 0
  for (const id of await listOpenRequestsOf(tx, requesterId)) {
    const request = await getRequest(tx, id)
    const executionId = request.executionOpen ? await cancelUnstartedExecution(ctx, tx, id, SYSTEM) : undefined
    if (executionId) topics.push(topicOf.execution(executionId))
    const now = ctx.clock.now()
    const move = transition(stateOf(request), 'cancel_with_execution', now)
    if (!move.ok) continue
    const change = {
      status: move.next,
      cancelledBy: SYSTEM.id,
      cancelReason: 'the requester was removed',
      ...(request.status === 'pending' ? { decidedAt: now } : {}),
    }
    if (!(await updateRequest(tx, request, change))) continue
    await appendAudit(ctx, tx, {
      type: move.event,
      actor: SYSTEM,
      subject: { type: 'request', id },
      data: { why: 'requester_removed' },
    })
    topics.push(topicOf.request(id))
    withdrawn++
  }
  return { topics, withdrawn }
}
