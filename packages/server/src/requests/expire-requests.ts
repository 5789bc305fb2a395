import { AppError, isAppError } from '@twinlock/contract'
import { appendAudit, SYSTEM } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { cancelUnstartedExecution } from '../executions/cancel-unstarted-execution.ts'
import { transition } from './request-state.ts'
import { getRequest, listExpiredRequests, stateOf, updateRequest } from './request-store.ts'

/** Ends the requests whose time is over. Expiry forbids new starts only: what runs, runs to its end. */
export async function expireRequests(ctx: Context): Promise<void> {
  for (const id of await listExpiredRequests(ctx.db.read, ctx.clock.now(), 100)) {
    try {
      const executionId = await ctx.db.transact((tx) => expireRequest(ctx, tx, id))
      ctx.changes.notify(topicOf.request(id), ...(executionId ? [topicOf.execution(executionId)] : []))
    } catch (error) {
      // One that cannot be ended does not keep the others waiting; whatever it had changed is undone.
      if (!isAppError(error, 'concurrent_change'))
        ctx.logger.error({ err: error, request: id }, 'a request could not be expired')
    }
  }
}

/** Returns the execution that was cancelled with it, if there was one. */
async function expireRequest(ctx: Context, tx: Tx, id: string): Promise<string | undefined> {
  const request = await getRequest(tx, id)
  const executionId = request.executionOpen ? await cancelUnstartedExecution(ctx, tx, id, SYSTEM) : undefined
  const state = { ...stateOf(request), executionOpen: request.executionOpen && executionId === undefined }
  const now = ctx.clock.now()
  const move = transition(state, 'expire', now)
  if (!move.ok) throw new AppError('concurrent_change')
  const decided = request.status === 'pending' ? { decidedAt: now } : {}
  if (!(await updateRequest(tx, request, { status: move.next, ...decided }))) throw new AppError('concurrent_change')
  const data = { was: request.status }
  await appendAudit(ctx, tx, { type: move.event, actor: SYSTEM, subject: { type: 'request', id }, data })
  return executionId
}
