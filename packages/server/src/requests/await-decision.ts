import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { UserCaller } from '../identity/caller.ts'
import { withPresentRoles } from '../identity/people.ts'
import { getVisibleRequest } from './request-access.ts'
import { getRequest, type RequestRecord } from './request-store.ts'

/** A request, as soon as it is no longer pending, at the latest after `waitS` seconds. */
export async function awaitDecision(
  ctx: Pick<Context, 'db' | 'changes'>,
  user: UserCaller,
  ref: string,
  waitS: number,
  signal: AbortSignal,
): Promise<RequestRecord> {
  const { id, requesterId } = await getVisibleRequest(ctx.db.read, user, ref)
  const decided = await ctx.changes.waitFor([topicOf.request(id)], waitS * 1000, signal, async () => {
    const request = await getRequest(ctx.db.read, id)
    return request.status === 'pending' ? undefined : request
  })
  if (waitS > 0 && requesterId !== user.id)
    return getVisibleRequest(ctx.db.read, await withPresentRoles(ctx.db.read, user), id)
  return decided ?? getRequest(ctx.db.read, id)
}
