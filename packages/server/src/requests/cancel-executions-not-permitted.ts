import { SYSTEM } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { cancelUnstartedExecution } from '../executions/cancel-unstarted-execution.ts'
import { readPerson } from '../identity/people.ts'
import { getRequest, listOpenRequestsOf } from './request-store.ts'
import { requesterRefusal } from './requester-refusal.ts'

/**
 * Cancels what a requester has queued and may not run any more with their present roles. The approval stays: with the
 * role back it can be started again. Returns the topics that changed.
 */
export async function cancelExecutionsNotPermitted(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  requesterId: string,
): Promise<string[]> {
  const requester = await readPerson(tx, requesterId)
  const topics: string[] = []
  for (const id of await listOpenRequestsOf(tx, requesterId)) {
    const request = await getRequest(tx, id)
    const refusal = requesterRefusal(requester, request)
    if (!request.executionOpen || refusal === undefined || refusal === 'request_frozen') continue
    const executionId = await cancelUnstartedExecution(ctx, tx, id, SYSTEM)
    if (executionId) topics.push(topicOf.request(id), topicOf.execution(executionId))
  }
  return topics
}
