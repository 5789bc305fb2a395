import { appendAudit, SYSTEM } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { cancelUnstartedExecution } from '../executions/cancel-unstarted-execution.ts'
import { transition } from './request-state.ts'
import { getRequest, listExpiredRequests, stateOf, updateRequest } from './request-store.ts'

/** Ends the requests whose time is over. Expiry forbids new starts only: what runs, runs to its end. */
export async function expireRequests(ctx: Context): Promise<void> {
  for (const id of await listExpiredRequests(ctx.db.read, ctx.clock.now(), 100)) {
    const executionId = await ctx.db.transact(async (tx) => {
      const request = await getRequest(tx, id)
      const executionId = request.executionOpen ? await cancelUnstartedExecution(ctx, tx, id, SYSTEM) : undefined
      const state = { ...stateOf(request), executionOpen: request.executionOpen && executionId === undefined }
      const now = ctx.clock.now()
      const move = transition(state, 'expire', now)
      if (!move.ok || !(await updateRequest(tx, request, { status: move.next, decidedAt: now }))) return undefined
      const data = { was: request.status }
      await appendAudit(ctx, tx, { type: move.event, actor: SYSTEM, subject: { type: 'request', id }, data })
      return executionId
    })
    ctx.changes.notify(topicOf.request(id), ...(executionId ? [topicOf.execution(executionId)] : []))
  }
}
