import { setImmediate } from 'node:timers/promises'
import type { Effect, ExecutionError, StatementOutcome } from '@twinlock/contract'
import { DriverError, type Session, type TransactionRef } from './drivers/driver.ts'
import {
  codedError,
  effectOfFailure,
  notRun,
  type Phase,
  toExecutionError,
  withPartialHint,
} from './execution-outcome.ts'
import type { ResultEncoder } from './result-encoder.ts'
import type { MadeResult } from './result-upload.ts'
import { describeFailure } from './retry.ts'
import type { RunContext } from './run-execution.ts'
import { stopReason, throwIfStopped, whenStopped } from './stop-reason.ts'
import { askTransaction } from './transaction-outcome.ts'
import type { VerifiedOrder } from './verify-order.ts'

/** How long a lost COMMIT is asked after before it is called unknown. */
const ASK_WITHIN_MS = 60_000

/** What happened in the database, whatever becomes of the result. */
export interface DatabaseEnd {
  readonly error: ExecutionError | null
  readonly effect: Effect
  readonly statements: readonly StatementOutcome[]
  readonly serverVersion: string | null
  readonly durationMs: number | null
  readonly knownFrom: 'observed' | 'database'
}

export interface DatabaseWork {
  readonly executionId: string
  readonly leaseId: string
  readonly validUntil: number
  readonly verified: VerifiedOrder
}

/** Runs the statements of a verified order and ends their transaction; never rejects. Undefined when the end is not known yet. */
export async function runInDatabase(
  ctx: RunContext,
  work: DatabaseWork,
  encoder: ResultEncoder,
  made: () => MadeResult,
): Promise<DatabaseEnd | undefined> {
  const { order, readOnly, reuse } = work.verified
  const state: RunState = {
    phase: 'before_first_statement',
    statement: null,
    statements: notRun(order.statements.length),
  }
  let session: Session | undefined
  let startedAt: number | undefined
  const end = (error: ExecutionError | null, effect: Effect, knownFrom: DatabaseEnd['knownFrom'] = 'observed') => ({
    error,
    effect,
    statements: state.statements,
    serverVersion: session?.serverVersion ?? null,
    durationMs: startedAt === undefined ? null : Math.round(performance.now() - startedAt),
    knownFrom,
  })
  const release = async (options: { reuse: boolean }) => {
    await session?.release(options).catch(() => {})
  }

  try {
    session = await openSession(ctx, work)
    startedAt = performance.now()
    using _ = cancelWhenStopped(ctx.stop, session)
    await ctx.killPoints.reach('journaled_started')
    await runStatements(ctx, work, session, encoder, state)
    if (order.statements.every(({ transactional }) => transactional)) {
      const ref = readOnly ? null : await journalCommit(ctx, work, session, state, made())
      // The last moment at which it can be undone.
      throwIfStopped(ctx.stop)
      const failed = await session.commit().then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      if (failed) {
        // Closed first: the transaction stays in progress for as long as its connection seems to live.
        await release({ reuse: false })
        const found = await explainCommit(ctx, failed.error, ref)
        return found && end(found.error, found.effect, found.knownFrom)
      }
    }
    await ctx.killPoints.reach('committed')
    const ended = end(null, 'committed')
    // The outcome is on its way before the connection is made ready for the next.
    void setImmediate().then(() => release({ reuse }))
    return ended
  } catch (error) {
    if (!(error instanceof DriverError)) ctx.log.error(describeFailure(error), 'an execution failed within the agent')
    await session?.rollback()
    const effect = effectOfFailure(state.phase, error)
    const ended = end(withPartialHint(toStoppedError(error, state.statement, ctx.stop), effect), effect)
    void release({ reuse: false })
    return ended
  }
}

interface RunState {
  phase: Phase
  /** The statement at work, from 1. */
  statement: number | null
  statements: StatementOutcome[]
}

/** Connecting and the journal's disk are waited for together; no statement before both. */
async function openSession(ctx: RunContext, work: DatabaseWork): Promise<Session> {
  const { executionId, leaseId, validUntil, verified } = work
  const [opened, journaled] = await Promise.allSettled([
    ctx.driver.open({
      readOnly: verified.readOnly,
      applicationName: `twinlock ${executionId} ${verified.order.requester}`,
      signal: ctx.stop,
    }),
    ctx.journal.append({
      type: 'started',
      execution_id: executionId,
      valid_until: validUntil,
      lease_id: leaseId,
      target: verified.order.target,
      transactional: verified.order.statements.every(({ transactional }) => transactional),
      clamped: { ...verified.clamped },
    }),
  ])
  if (opened.status === 'rejected') throw opened.reason
  if (journaled.status === 'fulfilled') return opened.value
  await opened.value.release({ reuse: false }).catch(() => {})
  throw journaled.reason
}

async function runStatements(
  ctx: RunContext,
  { verified: { order, readOnly, limits } }: DatabaseWork,
  session: Session,
  encoder: ResultEncoder,
  state: RunState,
): Promise<void> {
  const inTransaction = order.statements.every(({ transactional }) => transactional)
  if (inTransaction) await session.begin(readOnly ? 'read_only' : 'read_write', limits)
  for (const [index, { sql }] of order.statements.entries()) {
    const statement = index + 1
    state.statement = statement
    const onSend = () => {
      state.phase = inTransaction ? (readOnly ? 'read_only' : 'in_transaction') : 'without_transaction'
      // Until it has succeeded.
      state.statements[index] = { status: 'failed', affected_rows: null, row_count: null }
    }
    const result = await session.run(sql, { inTransaction, limits, onSend, sink: encoder.sink(statement) })
    state.statement = null
    state.statements[index] = {
      status: 'succeeded',
      affected_rows: result.affectedRows,
      row_count: result.rowCount,
    }
    await encoder.trailer(statement, result)
    await ctx.killPoints.reach('statement_done')
  }
  await encoder.finish()
}

/** What to ask the database for after a crash is on the disk before COMMIT is sent. */
async function journalCommit(
  ctx: RunContext,
  { executionId }: DatabaseWork,
  session: Session,
  { statements }: RunState,
  { chunks, sha256 }: MadeResult,
): Promise<TransactionRef | null> {
  const ref = await session.commitRef()
  if (ref === null) return null
  const { serverVersion } = session
  await ctx.journal.append({
    type: 'committing',
    execution_id: executionId,
    ref,
    statements,
    server_version: serverVersion,
    chunks,
    result_sha256: sha256,
  })
  await ctx.killPoints.reach('journaled_committing')
  return ref
}

async function explainCommit(
  ctx: RunContext,
  error: unknown,
  ref: TransactionRef | null,
): Promise<Pick<DatabaseEnd, 'error' | 'effect' | 'knownFrom'> | undefined> {
  const failure = toStoppedError(error, null, ctx.stop)
  // Without a transaction id nothing was written.
  if (ref === null) return { error: failure, effect: 'rolled_back', knownFrom: 'observed' }
  const status = await askTransaction(ctx.driver, ref, { signal: ctx.signal, withinMs: ASK_WITHIN_MS })
  if (status === 'committed') return { error: null, effect: 'committed', knownFrom: 'database' }
  if (status === 'aborted') return { error: failure, effect: 'rolled_back', knownFrom: 'database' }
  if (isPlainRefusal(error)) return { error: failure, effect: 'rolled_back', knownFrom: 'observed' }
  // The agent ends before the database could be asked; the journal has what to ask for at the next start.
  if (ctx.signal.aborted && status === 'in_progress') return undefined
  const message = 'The connection was lost after COMMIT was sent, and the database could not say what became of it.'
  return { error: codedError('connection_lost', message), effect: 'unknown', knownFrom: 'observed' }
}

/** COMMIT was answered with an error that leaves no doubt, such as a deferred constraint's or a cancel's. */
function isPlainRefusal(error: unknown): boolean {
  if (!(error instanceof DriverError) || error.code === 'connection_lost') return false
  const { sqlstate = '' } = error
  return /^[0-9A-Z]{5}$/.test(sqlstate) && !/^(08|57P|XX|40003)/.test(sqlstate)
}

function cancelWhenStopped(stop: AbortSignal, session: Session): Disposable {
  return whenStopped(stop, ({ message }) => void session.cancel(message).catch(() => {}))
}

function toStoppedError(error: unknown, statement: number | null, stop: AbortSignal): ExecutionError {
  const failure = toExecutionError(error, statement)
  const reason = stopReason(stop)
  return reason && failure.code === 'cancelled'
    ? { ...failure, ...codedError(reason.code, reason.message), statement, sqlstate: failure.sqlstate }
    : failure
}
