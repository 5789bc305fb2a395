import { AppError, can } from '@twinlock/contract'
import { appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { cancelUnstartedExecution } from '../executions/cancel-unstarted-execution.ts'
import { executionOpenError } from '../executions/refuse-open-execution.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { actorOf, type UserCaller } from '../identity/caller.ts'
import { getVisibleRequest } from './request-access.ts'
import { transition } from './request-state.ts'
import { stateOf, updateRequest } from './request-store.ts'

/** Withdraws a request. An execution that has not started is cancelled with it; one that runs is left alone and refuses it. */
export async function cancelRequest(
  ctx: Context,
  user: UserCaller,
  ref: string,
  idempotency?: Idempotency,
): Promise<string> {
  const { id, executionId } = await ctx.db.transact(async (tx) => {
    const request = await getVisibleRequest(tx, user, ref)
    if (request.requesterId !== user.id && !can(user.roles, 'request:cancel_any', request))
      throw new AppError('not_requester', { detail: `#${request.number} is somebody else's request` })
    const executionId = request.executionOpen
      ? await cancelUnstartedExecution(ctx, tx, request.id, actorOf(user))
      : undefined
    const state = { ...stateOf(request), executionOpen: request.executionOpen && executionId === undefined }
    const now = ctx.clock.now()
    const move = transition(state, 'cancel', now)
    if (!move.ok && move.code === 'execution_open') throw await executionOpenError(tx, request)
    if (!move.ok) throw new AppError(move.code, { detail: `#${request.number} is ${request.status}` })
    const decided = request.status === 'pending' ? { decidedAt: now } : {}
    if (!(await updateRequest(tx, request, { status: move.next, ...decided }))) throw new AppError('concurrent_change')
    await rememberAnswer(ctx, tx, idempotency, request.id)
    await appendAudit(ctx, tx, {
      type: move.event,
      actor: actorOf(user),
      subject: { type: 'request', id: request.id },
      data: {},
    })
    return { id: request.id, executionId }
  })
  ctx.changes.notify(topicOf.request(id), ...(executionId ? [topicOf.execution(executionId)] : []))
  return id
}
