import { AppError } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { getHeldExecution } from './held-execution.ts'

/** Results are taken while an execution runs, and late while it counts as lost. */
export async function assertMayUpload(
  ctx: Pick<Context, 'db'>,
  agent: AgentCaller,
  id: string,
  leaseId: string,
): Promise<void> {
  const { status } = await getHeldExecution(ctx.db.read, agent, id, leaseId)
  if (status !== 'running' && status !== 'lost') throw new AppError('execution_closed')
}
