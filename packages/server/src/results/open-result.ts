import { AppError, can, type ResultReason } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { readVisibleExecution } from '../executions/read-visible-execution.ts'
import type { UserCaller } from '../identity/caller.ts'
import { streamResult } from './stream-result.ts'

/** The bytes of a result, from a chunk on. Rows are for the requester alone, whoever else may see the request. */
export async function openResult(
  ctx: Context,
  user: UserCaller,
  executionId: string,
  fromChunk: number,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const stopReading = ctx.room.startReading(executionId)
  try {
    const { execution, request, hasNoResult } = await readVisibleExecution(ctx.db.read, user, executionId)
    if (request.requesterId !== user.id)
      throw new AppError('not_requester', { detail: 'the result is for its requester alone' })
    if (!can(user.roles, 'result:read', execution)) throw new AppError('permission_denied')
    if (hasNoResult) throw new AppError('result_not_available')
    if (execution.result === 'discarded') throw new AppError('result_discarded', WHY[execution.resultReason ?? 'quota'])
    // Without a place among its readers it is being deleted at this moment.
    if (execution.result === 'expired' || !stopReading)
      throw new AppError('result_expired', WHY[execution.resultReason ?? 'retention'])
    // Also where the stream never begins.
    if (signal.aborted) stopReading()
    signal.addEventListener('abort', stopReading, { once: true })
  } catch (error) {
    stopReading?.()
    throw error
  }
  return streamResult(ctx, executionId, fromChunk, signal)
}

const WHY: Readonly<Record<ResultReason, { readonly detail: string }>> = {
  quota: { detail: 'the room for results was used up' },
  storage_full: { detail: "the server's disk was full" },
  retention: { detail: 'it was kept for as long as results are' },
}
