import type { Actor } from '@twinlock/evidence'
import { appendAudit } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { type ExecutionMove, transition } from './execution-state.ts'
import { type ExecutionRecord, updateExecution } from './execution-store.ts'

/** Puts a leased execution back into the queue: nothing of it had run. */
export async function requeueExecution(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  execution: ExecutionRecord,
  actor: Actor,
  why: 'not_started_in_time' | 'handed_back' | 'target_paused',
): Promise<{ readonly ok: true } | Extract<ExecutionMove, { ok: false }>> {
  const move = transition(execution, { type: 'requeue' }, ctx.clock.now())
  if (!move.ok) return move
  const released = { status: move.next, agentId: null, journalId: null, leaseId: null, leaseExpiresAt: null }
  if (!(await updateExecution(tx, execution, released))) return { ok: false, code: 'concurrent_change' }
  await appendAudit(ctx, tx, {
    type: 'execution.requeued',
    actor,
    subject: { type: 'execution', id: execution.id },
    data: { why, agent: execution.agentId },
  })
  return { ok: true }
}
