import type { Outcome, StatementOutcome } from '@twinlock/contract'
import type { Clock } from './clock.ts'
import { targetName } from './config.ts'
import type { TargetDriver, TransactionStatus } from './drivers/driver.ts'
import { codedError, failedOutcome } from './execution-outcome.ts'
import type { CommittingEntry, StartedEntry } from './journal-entry.ts'
import type { OpenExecution } from './journal-memory.ts'
import { type ReportContext, reportOutcome } from './report-outcome.ts'
import { describeFailure } from './retry.ts'
import { askTransaction } from './transaction-outcome.ts'

export interface RecoverContext extends ReportContext {
  readonly clock: Clock
  readonly driverOf: (target: string) => TargetDriver | undefined
}

const WHOLE_LIFE_MS = Number.POSITIVE_INFINITY

/**
 * Finds out and reports what became of every execution that the last process left open. Resolves when all are settled,
 * which waits for databases that cannot be reached; the agent works meanwhile.
 */
export async function recover(ctx: RecoverContext): Promise<void> {
  await Promise.all(
    [...ctx.journal.open.values()].map((execution) =>
      recoverOne(ctx, execution).catch((error: unknown) =>
        ctx.log.error({ execution: execution.executionId, ...describeFailure(error) }, 'recovery failed'),
      ),
    ),
  )
}

async function recoverOne(ctx: RecoverContext, execution: OpenExecution): Promise<void> {
  const { executionId, started, outcome: known } = execution
  const validUntil = known?.valid_until ?? started?.valid_until ?? ctx.clock.now()
  if (known) return await reportOutcome(ctx, executionId, validUntil, known.outcome)
  const found = await findOutcome(ctx, execution)
  const log = ctx.log.child({ execution: executionId })
  if (!found) {
    if (!ctx.signal.aborted)
      log.error(
        'neither the journal nor the database can say what became of this execution; it stays lost: look at the data',
      )
    return
  }
  await ctx.journal
    .append({ type: 'outcome', execution_id: executionId, valid_until: validUntil, outcome: found })
    .catch((error: unknown) => log.error(describeFailure(error), 'the journal could not keep the outcome'))
  await ctx.killPoints.reach('journaled_outcome')
  log.warn({ status: found.status, effect: found.effect, known_from: found.known_from }, 'recovered after a restart')
  await reportOutcome(ctx, executionId, validUntil, found)
}

/** The truth, or undefined where there is only a guess. */
async function findOutcome(ctx: RecoverContext, { started, committing }: OpenExecution): Promise<Outcome | undefined> {
  if (!started?.transactional) return undefined
  if (!committing) return restarted(started, 'journal')
  const driver = ctx.driverOf(targetName(started.target))
  if (!driver) return undefined
  const status = await askTransaction(driver, committing.ref, { signal: ctx.signal, withinMs: WHOLE_LIFE_MS })
  return toOutcome(started, committing, status)
}

/** What the database's answer means. Pure. */
export function toOutcome(
  started: StartedEntry,
  committing: CommittingEntry,
  status: TransactionStatus,
): Outcome | undefined {
  if (status === 'aborted') return restarted(started, 'database', committing)
  if (status !== 'committed') return undefined
  return {
    lease_id: started.lease_id,
    status: 'succeeded',
    effect: 'committed',
    error: null,
    statements: committing.statements,
    duration_ms: null,
    server_version: committing.server_version.slice(0, 200),
    chunks: committing.chunks,
    result_sha256: committing.result_sha256,
    known_from: 'database',
    clamped: started.clamped,
  }
}

/** COMMIT was not sent, or did not take: the database has undone what there was. */
function restarted(started: StartedEntry, knownFrom: Outcome['known_from'], committing?: CommittingEntry): Outcome {
  const message = 'The agent stopped before COMMIT; the database rolled the transaction back.'
  const statements: StatementOutcome[] = committing?.statements ?? []
  return failedOutcome(started.lease_id, codedError('agent_restarted', message), 'rolled_back', {
    statements,
    server_version: committing?.server_version.slice(0, 200) ?? null,
    known_from: knownFrom,
    clamped: started.clamped,
  })
}
