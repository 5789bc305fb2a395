import { AppError } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { listOldestResults } from '../executions/read-results.ts'
import { expireResult } from './expire-results.ts'

/** More than are ever read at one time. */
const CANDIDATES = 200

/**
 * Takes room for more of a result, where it must by deleting the oldest ones that have ended and that nobody reads. The
 * disk's reserve is for the state and the audit log, whatever the quota says.
 */
export async function makeRoom(ctx: Context, executionId: string, bytes: number): Promise<void> {
  if ((await ctx.results.freeBytes()) - bytes < ctx.config.results.reserve)
    throw new AppError('storage_full', { detail: 'the disk has no more room for results' })
  if (ctx.room.take(executionId, bytes)) return
  if (ctx.room.canNeverFit(executionId, bytes)) throw new AppError('result_quota_exceeded')
  await ctx.room.inTurn('quota', async () => {
    while (!ctx.room.take(executionId, bytes))
      if (!(await expireOldest(ctx))) throw new AppError('result_quota_exceeded')
  })
}

/** Whether there was one to delete. */
async function expireOldest(ctx: Context): Promise<boolean> {
  for (const id of await listOldestResults(ctx.db.read, Number.MAX_SAFE_INTEGER, CANDIDATES))
    if (await expireResult(ctx, id, 'quota')) return true
  return false
}
