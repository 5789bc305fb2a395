import { AppError, type Outcome } from '@twinlock/contract'
import { type AuditEvent, appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { settleSlot } from '../requests/execution-slots.ts'
import { removeResult } from '../results/expire-results.ts'
import { type Discarded, keepInlineResult } from '../results/keep-inline-result.ts'
import { isEnded, transition } from './execution-state.ts'
import { type ExecutionRecord, updateExecution } from './execution-store.ts'
import { getHeldExecution } from './held-execution.ts'

/** Takes an agent's report of how an execution ended, also late, for one that counts as lost. The same report again changes nothing. */
export async function reportOutcome(ctx: Context, agent: AgentCaller, id: string, outcome: Outcome): Promise<void> {
  const refused = await keepInlineResult(ctx, agent, id, outcome)
  const discarded = outcome.result_discarded ?? refused ?? null
  const stored = outcome.chunks === 0 ? 0 : await ctx.results.count(id)
  const ended = await ctx.db.transact(async (tx) => {
    const execution = await getHeldExecution(tx, agent, id, outcome.lease_id)
    if (isEnded(execution.status)) {
      if (execution.status === outcome.status && execution.effect === outcome.effect) return 'repeated'
      await appendAudit(ctx, tx, contradictionEvent(execution, outcome))
      return 'contradicted'
    }
    const now = ctx.clock.now()
    const move = transition(execution, { type: 'end', status: outcome.status, effect: outcome.effect }, now)
    if (!move.ok) throw new AppError(move.code)
    const change = {
      status: move.next,
      effect: move.effect,
      error: outcome.error,
      statements: outcome.statements,
      durationMs: outcome.duration_ms,
      serverVersion: outcome.server_version,
      ...resultOf(outcome.chunks, stored, discarded),
      leaseExpiresAt: null,
      finishedAt: now,
    }
    if (!(await updateExecution(tx, execution, change))) throw new AppError('concurrent_change')
    await appendAudit(ctx, tx, outcomeEvent(execution, outcome, discarded))
    await settleSlot(ctx, tx, execution.requestId, { slotGivenBack: move.slotGivenBack })
    return execution
  })
  if (ended === 'contradicted') throw new AppError('execution_closed')
  if (ended === 'repeated') return
  ctx.changes.notify(topicOf.execution(id), topicOf.request(ended.requestId), topicOf.result(id))
  // What came before the rest was refused. Should this fail, the next start does it.
  if (outcome.chunks === 0 || discarded)
    await ctx.room
      .inTurn(id, () => removeResult(ctx, id))
      .catch((error: unknown) =>
        ctx.logger.error({ err: error, execution: id }, 'what is left of a discarded result could not be deleted'),
      )
}

/** What there is of a result, by the chunks it was made of and those that are stored. */
function resultOf(
  made: number,
  stored: number,
  discarded: Discarded | null,
): Pick<ExecutionRecord, 'result' | 'resultReason'> {
  if (discarded) return { result: 'discarded', resultReason: discarded }
  if (made === 0) return { result: 'none', resultReason: null }
  return { result: stored >= made ? 'complete' : 'partial', resultReason: null }
}

/** A report that does not fit the one before is never believed, and never forgotten: a replay shows itself here. */
function contradictionEvent(execution: ExecutionRecord & { agentId: string }, outcome: Outcome): AuditEvent {
  return {
    type: 'execution.contradicted',
    actor: { type: 'agent', id: execution.agentId },
    subject: { type: 'execution', id: execution.id },
    data: {
      stands: execution.status,
      stands_effect: execution.effect,
      status: outcome.status,
      effect: outcome.effect,
      error_code: outcome.error?.code ?? null,
    },
  }
}

/** Counts, codes and digests: a database's message may quote the row that it is about. */
function outcomeEvent(
  execution: ExecutionRecord & { agentId: string },
  outcome: Outcome,
  discarded: Discarded | null,
): AuditEvent {
  return {
    type: execution.status === 'lost' ? 'execution.resolved' : `execution.${outcome.status}`,
    actor: { type: 'agent', id: execution.agentId },
    subject: { type: 'execution', id: execution.id },
    data: {
      status: outcome.status,
      effect: outcome.effect,
      known_from: outcome.known_from,
      error_code: outcome.error?.code ?? null,
      sqlstate: outcome.error?.sqlstate ?? null,
      affected_rows: outcome.statements.map((statement) => statement.affected_rows),
      row_counts: outcome.statements.map((statement) => statement.row_count),
      duration_ms: outcome.duration_ms,
      result_sha256: outcome.result_sha256,
      result_discarded: discarded,
      clamped: outcome.clamped,
    },
  }
}
