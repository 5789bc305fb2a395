import { AppError, can } from '@twinlock/contract'
import { appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { cancelExecutionOf } from '../executions/cancel-execution-of.ts'
import { executionOpenError } from '../executions/refuse-open-execution.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillLive } from '../identity/authenticate.ts'
import { assertStillMay } from '../identity/authority.ts'
import { actorOf, type UserCaller } from '../identity/caller.ts'
import { getVisibleRequest } from './request-access.ts'
import { transition } from './request-state.ts'
import { stateOf, updateRequest } from './request-store.ts'

export interface CancelInput {
  readonly reason?: string | undefined
  readonly also_cancel_execution?: boolean | undefined
}

/**
 * Withdraws a request, so that nothing of it starts any more. An execution that has not started is cancelled with it. One
 * that runs refuses it, unless it is to be cancelled too: then its agent is told with the same change. A lost one cannot
 * be; with that said, the request is withdrawn and the execution stays to be resolved.
 */
export async function cancelRequest(
  ctx: Context,
  user: UserCaller,
  ref: string,
  input: CancelInput,
  idempotency?: Idempotency,
): Promise<string> {
  const { id, topics } = await ctx.db.transact(async (tx) => {
    const request = await getVisibleRequest(tx, user, ref)
    if (request.requesterId !== user.id && !can(user.roles, 'request:cancel_any', request))
      throw new AppError('not_requester', { detail: `#${request.number} is somebody else's request` })
    // One's own may be stopped by whoever still is somebody; another's by the rights of this moment.
    if (request.requesterId === user.id) await assertStillLive(ctx, tx, user)
    else await assertStillMay(ctx, tx, user, 'request:cancel_any', request)
    const actor = actorOf(user)
    const withExecution = input.also_cancel_execution === true
    const wish = { actor, reason: input.reason }
    const execution = request.executionOpen
      ? await cancelExecutionOf(ctx, tx, request.id, wish, withExecution ? 'also_running' : 'unstarted')
      : undefined
    const state = { ...stateOf(request), executionOpen: request.executionOpen && !execution?.hasEnded }
    const now = ctx.clock.now()
    const move = transition(state, withExecution ? 'cancel_with_execution' : 'cancel', now)
    if (!move.ok && move.code === 'execution_open')
      throw await executionOpenError(tx, request, {
        open: `To stop it and withdraw the request: also_cancel_execution, or twinlock request cancel ${request.number} --also-cancel-execution.`,
        lost: `To withdraw the request all the same: also_cancel_execution, or twinlock request cancel ${request.number} --also-cancel-execution.`,
      })
    if (!move.ok) throw new AppError(move.code, { detail: `#${request.number} is ${request.status}` })
    const change = {
      status: move.next,
      cancelledBy: user.name,
      cancelReason: input.reason ?? null,
      ...(request.status === 'pending' ? { decidedAt: now } : {}),
    }
    if (!(await updateRequest(tx, request, change))) throw new AppError('concurrent_change')
    await rememberAnswer(ctx, tx, idempotency, request.id)
    await appendAudit(ctx, tx, {
      type: move.event,
      actor,
      subject: { type: 'request', id: request.id },
      data: withExecution ? { also_cancel_execution: true } : {},
    })
    return { id: request.id, topics: execution?.topics ?? [] }
  })
  ctx.changes.notify(topicOf.request(id), ...topics)
  return id
}
