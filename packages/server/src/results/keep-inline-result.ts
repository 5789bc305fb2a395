import { AppError, type Outcome } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { storeChunk } from './store-chunk.ts'

/**
 * Stores a result that came with its outcome, as the only chunk there is. What cannot be stored never keeps the outcome
 * from being taken: the result then lacks its chunk.
 */
export async function keepInlineResult(
  ctx: Context,
  agent: AgentCaller,
  executionId: string,
  outcome: Pick<Outcome, 'lease_id' | 'inline_result'>,
): Promise<void> {
  if (outcome.inline_result === undefined) return
  try {
    await storeChunk(ctx, agent, executionId, outcome.lease_id, 0, Buffer.from(outcome.inline_result))
  } catch (error) {
    if (!(error instanceof AppError)) ctx.logger.error({ err: error, execution: executionId }, 'a result is lost')
  }
}
