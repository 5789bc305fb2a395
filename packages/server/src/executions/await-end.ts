import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { UserCaller } from '../identity/caller.ts'
import { withPresentRoles } from '../identity/people.ts'
import { isEnded } from './execution-state.ts'
import { getExecution } from './execution-store.ts'
import { readVisibleExecution, type VisibleExecution } from './read-visible-execution.ts'

/** An execution, as soon as it has ended or is lost, at the latest after `waitS` seconds. */
export async function awaitEnd(
  ctx: Pick<Context, 'db' | 'changes'>,
  user: UserCaller,
  id: string,
  waitS: number,
  signal: AbortSignal,
): Promise<VisibleExecution> {
  const visible = await readVisibleExecution(ctx.db.read, user, id)
  const ended = await ctx.changes.waitFor([topicOf.execution(id)], waitS * 1000, signal, async () => {
    const execution = await getExecution(ctx.db.read, id)
    return isEnded(execution.status) || execution.status === 'lost' ? execution : undefined
  })
  if (waitS > 0 && visible.request.requesterId !== user.id)
    return readVisibleExecution(ctx.db.read, await withPresentRoles(ctx.db.read, user), id)
  return { ...visible, execution: ended ?? (await getExecution(ctx.db.read, id)) }
}
