import { AppError, can } from '@twinlock/contract'
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
  const { execution, request, hasNoResult } = await readVisibleExecution(ctx.db.read, user, executionId)
  if (request.requesterId !== user.id)
    throw new AppError('not_requester', { detail: 'the result is for its requester alone' })
  if (!can(user.roles, 'result:read', execution)) throw new AppError('permission_denied')
  if (hasNoResult) throw new AppError('result_not_available')
  return streamResult(ctx, executionId, fromChunk, signal)
}
