import type { Lease } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import { appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { Tables } from '../db/tables.ts'
import { assertStillLive } from '../identity/authenticate.ts'
import { targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import { readExecutableRequest } from '../requests/execution-slots.ts'
import { readPausedTargets } from '../targets/read-pauses.ts'
import { startDeadline, transition } from './execution-state.ts'
import { findExecution, listQueuedExecutions, updateExecution } from './execution-store.ts'

export interface LeaseTaker {
  readonly tokenId: string
  readonly agentId: string
  readonly journalId: string
  readonly targets: readonly TargetName[]
  readonly features: readonly string[]
  readonly freeCapacity: number
}

/** What this agent cannot run does not keep what is behind it waiting. */
const LOOK_PAST = 100

/** An answer that an agent takes in one piece; what does not fit comes with the next. */
const MAX_ANSWER_LENGTH = 16 * 1024 * 1024

/** Gives queued executions to an agent, each to one agent only: the move is guarded by the status it was read in. */
export async function leaseExecutions(ctx: Context, taker: LeaseTaker): Promise<Lease[]> {
  if (taker.freeCapacity === 0 || ctx.drain.hasBegun) return []
  const targets = await withoutPaused(ctx.db.read, taker.targets)
  const waiting = await listQueuedExecutions(ctx.db.read, targets, taker.freeCapacity + LOOK_PAST)
  if (waiting.length === 0) return []
  const leasedFor: string[] = []
  const leases = await ctx.db.transact(async (tx) => {
    // The poll may have been held open for long: its token may have been revoked meanwhile.
    await assertStillLive(ctx, tx, taker)
    const paused = await readPausedTargets(tx)
    const leases: Lease[] = []
    const now = ctx.clock.now()
    let size = 0
    for (const id of waiting) {
      if (leases.length >= taker.freeCapacity) break
      const execution = await findExecution(tx, id)
      const move = execution && transition(execution, { type: 'lease' }, now)
      if (!execution || !move?.ok || paused.has(targetText(execution))) continue
      const { order, workOrder, mayStart } = await readExecutableRequest(ctx, tx, execution.requestId)
      if (!mayStart) continue
      size += workOrder.length
      if (leases.length > 0 && size > MAX_ANSWER_LENGTH) break
      if (!order.features.every((feature) => taker.features.includes(feature))) continue
      if (order.executor !== null && order.executor !== taker.agentId) continue
      const leaseId = ctx.ids('lse')
      const change = {
        status: move.next,
        agentId: taker.agentId,
        journalId: taker.journalId,
        leaseId,
        leaseExpiresAt: startDeadline(now),
      }
      if (!(await updateExecution(tx, execution, change))) continue
      await appendAudit(ctx, tx, {
        type: 'execution.leased',
        actor: { type: 'agent', id: taker.agentId },
        subject: { type: 'execution', id },
        data: { lease_id: leaseId },
      })
      leasedFor.push(execution.requestId)
      leases.push({ execution_id: id, lease_id: leaseId, work_order: workOrder })
    }
    return leases
    // Losing a lease with the power costs nothing: it had not started, and its start is durable.
  }, 'with_next')
  ctx.changes.notify(...leasedFor.map(topicOf.request))
  return leases
}

/** What waits for a paused target does not keep the others waiting. */
async function withoutPaused(db: Kysely<Tables>, targets: readonly TargetName[]): Promise<TargetName[]> {
  const paused = await readPausedTargets(db)
  return targets.filter((target) => !paused.has(targetText(target)))
}
