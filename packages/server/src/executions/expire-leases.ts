import { appendAudit, SYSTEM } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { transition } from './execution-state.ts'
import { type ExecutionRecord, findExecution, listOverdueExecutions, updateExecution } from './execution-store.ts'
import { requeueExecution } from './requeue-execution.ts'

/**
 * Ends overdue leases. One that never started goes back to the queue and costs nothing; one that started and fell silent
 * is lost, and nobody runs it again.
 */
export async function expireLeases(ctx: Context): Promise<void> {
  for (const { id } of await listOverdueExecutions(ctx.db.read, ctx.clock.now(), 100)) {
    const execution = await ctx.db
      .transact((tx) => endLease(ctx, tx, id))
      .catch((error: unknown) => void ctx.logger.error({ err: error, execution: id }, 'a lease could not be ended'))
    if (execution)
      ctx.changes.notify(
        topicOf.queue(execution),
        topicOf.execution(id),
        topicOf.request(execution.requestId),
        topicOf.result(id),
      )
  }
}

async function endLease(ctx: Context, tx: Tx, id: string): Promise<ExecutionRecord | undefined> {
  const execution = await findExecution(tx, id)
  if (!execution || execution.leaseExpiresAt === null || ctx.clock.now() < execution.leaseExpiresAt) return undefined
  return execution.status === 'leased' ? requeue(ctx, tx, execution) : lose(ctx, tx, execution)
}

async function requeue(ctx: Context, tx: Tx, execution: ExecutionRecord): Promise<ExecutionRecord | undefined> {
  return (await requeueExecution(ctx, tx, execution, SYSTEM, 'not_started_in_time')).ok ? execution : undefined
}

async function lose(ctx: Context, tx: Tx, execution: ExecutionRecord): Promise<ExecutionRecord | undefined> {
  const now = ctx.clock.now()
  const move = transition(execution, { type: 'lose' }, now)
  if (!move.ok || !(await updateExecution(tx, execution, { status: move.next, leaseExpiresAt: null, lostAt: now })))
    return undefined
  await appendAudit(ctx, tx, {
    type: 'execution.lost',
    actor: SYSTEM,
    subject: { type: 'execution', id: execution.id },
    data: { agent: execution.agentId },
  })
  return execution
}
