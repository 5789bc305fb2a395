import { AppError, LEASE_MS } from '@twinlock/contract'
import { appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { transition } from './execution-state.ts'
import { updateExecution } from './execution-store.ts'
import { getHeldExecution } from './held-execution.ts'

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
    const move = transition(execution, { type: 'requeue' }, ctx.clock.now())
    if (!move.ok) throw new AppError(move.code)
    const released = { status: move.next, agentId: null, journalId: null, leaseId: null, leaseExpiresAt: null }
    if (!(await updateExecution(tx, execution, released))) throw new AppError('concurrent_change')
    await appendAudit(ctx, tx, {
      type: 'execution.requeued',
      actor: { type: 'agent', id: execution.agentId },
      subject: { type: 'execution', id },
      data: { why: 'handed_back' },
    })
    return execution
  })
  ctx.changes.notify(topicOf.queue(execution), topicOf.request(execution.requestId))
}
