import { AppError, can } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillLive } from '../identity/authenticate.ts'
import { assertStillMay } from '../identity/authority.ts'
import { actorOf, type UserCaller } from '../identity/caller.ts'
import { cancelOpenExecution } from './cancel-open-execution.ts'
import { readVisibleExecution } from './read-visible-execution.ts'

/**
 * Cancels an execution: at once before its start, by way of its agent while it runs; what became of that, the agent says.
 * Asking again changes nothing. Returns its id.
 */
export async function cancelExecution(
  ctx: Context,
  user: UserCaller,
  id: string,
  reason: string | undefined,
  idempotency?: Idempotency,
): Promise<string> {
  const topics = await ctx.db.transact(async (tx) => {
    const { execution, request } = await readVisibleExecution(tx, user, id)
    if (request.requesterId !== user.id && !can(user.roles, 'request:cancel_any', execution))
      throw new AppError('not_requester', { detail: `#${request.number} is somebody else's request` })
    // One's own may be stopped by whoever still is somebody; another's by the rights of this moment.
    if (request.requesterId === user.id) await assertStillLive(ctx, tx, user)
    else await assertStillMay(ctx, tx, user, 'request:cancel_any', execution)
    const actor = actorOf(user)
    const topics = await cancelOpenExecution(ctx, tx, execution, { actor, reason })
    if (!topics)
      throw new AppError('execution_not_cancellable', {
        detail:
          execution.status === 'lost'
            ? `the execution of #${request.number} is lost: there is nobody to tell`
            : `the execution of #${request.number} is ${execution.status}`,
      })
    await rememberAnswer(ctx, tx, idempotency, id)
    return topics
  })
  ctx.changes.notify(...topics)
  return id
}
