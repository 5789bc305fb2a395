import { AppError } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { readOrderLimits } from '../requests/read-requests.ts'
import { getHeldExecution } from './held-execution.ts'

/** What an agent may upload: results are taken while an execution runs, and late while it counts as lost. */
export async function readUpload(
  ctx: Pick<Context, 'db'>,
  agent: AgentCaller,
  id: string,
  leaseId: string,
): Promise<{ maxResultBytes: number }> {
  const { status, requestId } = await getHeldExecution(ctx.db.read, agent, id, leaseId)
  if (status !== 'running' && status !== 'lost') throw new AppError('execution_closed')
  const limits = await readOrderLimits(ctx.db.read, requestId)
  return { maxResultBytes: limits.max_result_bytes }
}
