import { AppError } from '@twinlock/contract'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { assertMayUpload } from '../executions/may-upload.ts'
import type { AgentCaller } from '../identity/caller.ts'

/** Stores one slice of a result. Repeating it changes nothing. */
export async function storeChunk(
  ctx: Context,
  agent: AgentCaller,
  executionId: string,
  leaseId: string,
  n: number,
  bytes: Uint8Array,
): Promise<void> {
  await assertMayUpload(ctx, agent, executionId, leaseId)
  if ((await ctx.results.put(executionId, n, bytes)) === 'conflict') throw new AppError('chunk_conflict')
  ctx.changes.notify(topicOf.result(executionId))
}
