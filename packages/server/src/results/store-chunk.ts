import { AppError, MAX_CHUNK_BYTES } from '@twinlock/contract'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { readUpload } from '../executions/read-upload.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { makeRoom } from './make-room.ts'

/** JSON may write a byte of a value as six, and rows and names need room of their own. */
const ENCODING_FACTOR = 8

function maxChunks(maxResultBytes: number): number {
  return Math.ceil((maxResultBytes * ENCODING_FACTOR) / MAX_CHUNK_BYTES) + 16
}

/** Stores one slice of a result. Repeating it changes nothing. */
export async function storeChunk(
  ctx: Context,
  agent: AgentCaller,
  executionId: string,
  leaseId: string,
  n: number,
  bytes: Uint8Array,
): Promise<void> {
  // A chunk that is sent again while the first is still being stored takes no room twice; nor does one whose execution
  // ends meanwhile leave anything behind: whoever removes the result takes a turn as well.
  await ctx.room.inTurn(executionId, async () => {
    const { maxResultBytes } = await readUpload(ctx, agent, executionId, leaseId)
    if (n > maxChunks(maxResultBytes))
      throw new AppError('payload_too_large', { detail: 'the result is larger than its limit' })
    await keep(ctx, executionId, n, bytes)
  })
  ctx.changes.notify(topicOf.result(executionId))
}

async function keep(ctx: Context, executionId: string, n: number, bytes: Uint8Array): Promise<void> {
  const earlier = await ctx.results.get(executionId, n)
  if (earlier && !earlier.equals(bytes)) throw new AppError('chunk_conflict')
  if (earlier) return
  await makeRoom(ctx, executionId, bytes.length)
  try {
    await ctx.results.put(executionId, n, bytes)
    ctx.metrics.resultStored(bytes.length)
  } catch (error) {
    ctx.room.giveBack(executionId, bytes.length)
    throw error
  }
}
