import type { Context } from '../context.ts'
import { expireResultOf } from '../executions/expire-result-of.ts'
import { listOldestResults } from '../executions/read-results.ts'

const AT_ONCE = 50

/** Deletes the results that have been kept for long enough. What is being read is left for the next time. */
export async function expireResults(ctx: Context): Promise<void> {
  const before = ctx.clock.now() - ctx.config.results.retentionS * 1000
  for (const id of await listOldestResults(ctx.db.read, before, AT_ONCE))
    await expireResult(ctx, id, 'retention').catch((error: unknown) =>
      ctx.logger.error({ err: error, execution: id }, 'a result could not be deleted'),
    )
}

/** Deletes one result, unless somebody reads it. The record comes first: without its files a result is gone, never half there. */
export async function expireResult(ctx: Context, id: string, reason: 'quota' | 'retention'): Promise<boolean> {
  const doneRemoving = ctx.room.startRemoving(id)
  if (!doneRemoving) return false
  try {
    if (!(await expireResultOf(ctx, id, reason))) return false
    await removeResult(ctx, id)
    return true
  } finally {
    doneRemoving()
  }
}

/** Deletes what is stored of a result that is not kept; in turn with its chunks where one may still be on its way. */
export async function removeResult(ctx: Pick<Context, 'results' | 'room'>, executionId: string): Promise<void> {
  await ctx.results.remove(executionId)
  ctx.room.release(executionId)
}
