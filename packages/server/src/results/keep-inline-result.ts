import { AppError, isAppError, type Outcome } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { isStorageFull } from '../disk-error.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { storeChunk } from './store-chunk.ts'

export type Discarded = NonNullable<Outcome['result_discarded']>

/**
 * Stores a result that came with its outcome, as the only chunk there is. What cannot be stored never keeps the outcome
 * from being taken: the result then lacks its chunk, or is discarded for the returned reason.
 */
export async function keepInlineResult(
  ctx: Context,
  agent: AgentCaller,
  executionId: string,
  outcome: Pick<Outcome, 'lease_id' | 'inline_result'>,
): Promise<Discarded | undefined> {
  if (outcome.inline_result === undefined) return undefined
  try {
    await storeChunk(ctx, agent, executionId, outcome.lease_id, 0, Buffer.from(outcome.inline_result))
  } catch (error) {
    if (isAppError(error, 'result_quota_exceeded')) return 'quota'
    if (isAppError(error, 'storage_full') || isStorageFull(error)) return 'storage_full'
    if (!(error instanceof AppError)) ctx.logger.error({ err: error, execution: executionId }, 'a result is lost')
  }
  return undefined
}
