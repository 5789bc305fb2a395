import { AppError, LEASE_MS } from '@twinlock/contract'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { updateExecution } from './execution-store.ts'
import { getHeldExecution } from './held-execution.ts'
import { requeueExecution } from './requeue-execution.ts'

/** Extends the lease of a running execution. Returns when it ends. */
export async function heartbeatExecution(
  ctx: Context,
  agent: AgentCaller,
  id: string,
  leaseId: string,
): Promise<number> {
  return ctx.db.transact(async (tx) => {
    const execution = await getHeldExecution(tx, agent, id, leaseId)
    if (execution.status !== 'running')
      throw new AppError(execution.status === 'lost' ? 'lease_lost' : 'execution_closed')
    const leaseExpiresAt = ctx.clock.now() + LEASE_MS
    if (!(await updateExecution(tx, execution, { leaseExpiresAt }))) throw new AppError('concurrent_change')
    return leaseExpiresAt
  })
}

/** Puts a leased execution back into the queue before it started. */
export async function handBackExecution(ctx: Context, agent: AgentCaller, id: string, leaseId: string): Promise<void> {
  const execution = await ctx.db.transact(async (tx) => {
    const execution = await getHeldExecution(tx, agent, id, leaseId)
    const actor = { type: 'agent' as const, id: execution.agentId }
    const requeued = await requeueExecution(ctx, tx, execution, actor, 'handed_back')
    if (!requeued.ok) throw new AppError(requeued.code)
    return execution
  })
  ctx.changes.notify(topicOf.queue(execution), topicOf.request(execution.requestId))
}
