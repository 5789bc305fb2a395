import { AppError } from '@twinlock/contract'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { queueExecution } from '../executions/queue-execution.ts'
import { executionOpenError } from '../executions/refuse-open-execution.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillLive } from '../identity/authenticate.ts'
import { actorOf, type UserCaller } from '../identity/caller.ts'
import { readPerson } from '../identity/people.ts'
import { getVisibleRequest } from './request-access.ts'
import { startRefusal } from './request-state.ts'
import { stateOf } from './request-store.ts'
import { requesterRefusal } from './requester-refusal.ts'

/** Asks for an approved request to be run now; only its requester does. Returns the execution's id. */
export async function executeRequest(
  ctx: Context,
  user: UserCaller,
  ref: string,
  idempotency?: Idempotency,
): Promise<string> {
  const { request, executionId } = await ctx.db.transact(async (tx) => {
    const request = await getVisibleRequest(tx, user, ref)
    if (request.requesterId !== user.id)
      throw new AppError('not_requester', { detail: `#${request.number} is somebody else's request` })
    await assertStillLive(ctx, tx, user)
    const refusal = startRefusal(stateOf(request), ctx.clock.now())
    if (refusal === 'execution_open') throw await executionOpenError(tx, request)
    if (refusal) throw new AppError(refusal, { detail: `#${request.number} is ${request.status}` })
    const notTheirs = requesterRefusal(await readPerson(tx, user.id), request)
    if (notTheirs)
      throw new AppError(notTheirs, { detail: `your roles do not allow you to run #${request.number} any more` })
    const executionId = await queueExecution(ctx, tx, request, actorOf(user))
    await rememberAnswer(ctx, tx, idempotency, executionId)
    return { request, executionId }
  })
  ctx.changes.notify(topicOf.request(request.id), topicOf.queue(request))
  return executionId
}
