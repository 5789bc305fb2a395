import { AppError, can } from '@twinlock/contract'
import { appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillLive } from '../identity/authenticate.ts'
import { actorOf, type UserCaller } from '../identity/caller.ts'
import { countComments, insertComment } from './comment-store.ts'
import { getVisibleRequest } from './request-access.ts'

/** By one person on one request. A bound of each their own: nobody can talk until others cannot any more. */
const MAX_COMMENTS = 50

/** Adds a comment, for good, also to a request that has ended. Returns the request's id. */
export async function commentRequest(
  ctx: Context,
  user: UserCaller,
  ref: string,
  text: string,
  idempotency?: Idempotency,
): Promise<string> {
  const id = await ctx.db.transact(async (tx) => {
    const request = await getVisibleRequest(tx, user, ref)
    await assertStillLive(ctx, tx, user)
    if (!can(user.roles, 'request:comment', request)) throw new AppError('permission_denied')
    if ((await countComments(tx, request.id, user.id)) >= MAX_COMMENTS)
      throw new AppError('too_many_comments', { detail: `you have written ${MAX_COMMENTS} on #${request.number}` })
    const comment = { id: ctx.ids('cmt'), requestId: request.id, authorId: user.id, text, at: ctx.clock.now() }
    await insertComment(tx, comment)
    await rememberAnswer(ctx, tx, idempotency, request.id)
    await appendAudit(ctx, tx, {
      type: 'request.commented',
      actor: actorOf(user),
      subject: { type: 'request', id: request.id },
      data: { comment_id: comment.id },
    })
    return request.id
  })
  ctx.changes.notify(topicOf.request(id))
  return id
}
