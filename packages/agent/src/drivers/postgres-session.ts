import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DriverError,
  type Limits,
  type RunOptions,
  type Session,
  type StatementResult,
  type TransactionRef,
} from './driver.ts'
import type { OwnQuery, PostgresConnection } from './postgres-connection.ts'
import type { ServerIdentity } from './postgres-identity.ts'
import { IDLE_IN_TRANSACTION } from './postgres-settings.ts'
import { runStatement } from './postgres-statement.ts'
import type { TypeNames } from './postgres-types.ts'

/** After the server's own timeout should have ended a statement, and again after it was asked to cancel it. */
const GRACE_MS = 2_000
const REPEAT_CANCEL_MS = 250
const ROLLBACK_TIMEOUT_MS = 5_000
const DEFAULT_COMMIT_MS = 30_000
const MAX_TIMER_MS = 2 ** 31 - 1

const SET_LIMITS = `select pg_catalog.set_config('statement_timeout', $1, $3::pg_catalog.bool),
  pg_catalog.set_config('lock_timeout', $2, $3::pg_catalog.bool),
  pg_catalog.set_config('idle_in_transaction_session_timeout', '${IDLE_IN_TRANSACTION}', $3::pg_catalog.bool)`
/** COMMIT runs deferred triggers, within a limit that the statements before it may have lifted. */
const COMMIT_REF = `select pg_catalog.pg_current_xact_id_if_assigned(),
  pg_catalog.set_config('statement_timeout', $1, true), pg_catalog.set_config('lock_timeout', $2, true)`

export interface SessionOptions {
  identity: ServerIdentity | undefined
  typeNames: TypeNames
  /** Takes the connection back: to reset and keep it, or to close it. */
  giveBack(reuse: boolean): Promise<void>
}

export class PostgresSession implements Session {
  readonly #connection: PostgresConnection
  readonly #options: SessionOptions
  /** Set when the transaction began, for its first statement. */
  #freshLimits: Limits | undefined
  #mode: 'read_only' | 'read_write' = 'read_write'
  #mayReuse = true
  #limits: Pick<Limits, 'statement_timeout_ms' | 'lock_timeout_ms'> = {
    statement_timeout_ms: DEFAULT_COMMIT_MS,
    lock_timeout_ms: DEFAULT_COMMIT_MS,
  }
  #interruption: DriverError | undefined
  #isOnServer = false
  #isCommitting = false
  #isEnding = false
  #isReleased = false
  #killTimer: NodeJS.Timeout | undefined

  constructor(connection: PostgresConnection, options: SessionOptions) {
    this.#connection = connection
    this.#options = options
  }

  get serverVersion(): string {
    return this.#connection.serverVersion
  }

  async begin(mode: 'read_only' | 'read_write', limits?: Limits): Promise<void> {
    this.#mode = mode
    // After a first query `SET TRANSACTION READ WRITE` is an error.
    const [row] = await this.#connection.queryAll([
      [mode === 'read_only' ? 'BEGIN READ ONLY' : 'BEGIN'],
      [`select pg_catalog.current_setting('transaction_read_only')`],
      ...(limits ? [setLimits(limits, true)] : []),
    ])
    this.#freshLimits = limits
    if (mode === 'read_only' && row?.[0] !== 'on')
      throw new DriverError('protocol_error', 'The server did not begin a read-only transaction.')
  }

  async run(sql: string, options: RunOptions): Promise<StatementResult> {
    const { inTransaction, limits, sink } = options
    if (this.#interruption !== undefined) throw this.#interruption
    this.#assertRunnable(sql, inTransaction)
    await this.#setLimits(inTransaction, limits)
    if (this.#interruption !== undefined) throw this.#interruption
    options.onSend?.()
    const startedAt = performance.now()
    const clock = { leftMs: limits.statement_timeout_ms, roundMs: 0 }
    try {
      const result = await runStatement(this.#connection, sql, {
        transaction: inTransaction ? this.#mode : 'outside',
        limits,
        sink,
        typeNames: this.#options.typeNames,
        timed: (work) => this.#timed(clock, work),
      })
      // A statement that won the race against its cancel did so for nothing, unless it is done for good.
      if (this.#interruption !== undefined && inTransaction) throw this.#interruption
      return result
    } catch (error) {
      throw this.#explain(error, clock.roundMs || performance.now() - startedAt, limits)
    }
  }

  async commitRef(): Promise<TransactionRef | null> {
    const [row] = await this.#connection.query(COMMIT_REF, toTimeouts(this.#limits))
    const id = row?.[0]
    if (typeof id !== 'string') return null
    const { system_identifier, timeline } = this.#options.identity ?? { system_identifier: '', timeline: 0 }
    return { engine: 'postgresql', transaction_id: id, system_identifier, timeline }
  }

  async commit(): Promise<void> {
    if (this.#connection.transactionStatus === 'E') {
      throw new DriverError('protocol_error', 'A transaction that failed cannot be committed.')
    }
    const ms = this.#limits.statement_timeout_ms
    const clock = { leftMs: ms, roundMs: 0 }
    this.#isCommitting = true
    try {
      await this.#timed(clock, () => this.#connection.query('COMMIT', [], Math.min(ms + 3 * GRACE_MS, MAX_TIMER_MS)))
    } catch (error) {
      throw this.#explain(error, clock.roundMs, this.#limits)
    } finally {
      this.#end()
    }
  }

  async rollback(): Promise<void> {
    this.#end()
    if (!this.#connection.isUsable || this.#connection.transactionStatus === 'I') return
    try {
      await this.#connection.query('ROLLBACK', [], ROLLBACK_TIMEOUT_MS)
    } catch (error) {
      this.#connection.destroy(
        new DriverError('connection_lost', 'The transaction could not be rolled back.', { cause: error }),
      )
    }
  }

  async cancel(reason: string): Promise<void> {
    await this.#interrupt(new DriverError('cancelled', reason))
  }

  async release(options: { reuse: boolean }): Promise<void> {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#end()
    const isClean = this.#connection.isUsable && this.#connection.transactionStatus === 'I'
    const reuse = options.reuse && isClean && this.#mayReuse && this.#interruption === undefined
    await this.#options.giveBack(reuse)
  }

  /** From here on nothing is interrupted. */
  #end(): void {
    this.#isEnding = true
    clearTimeout(this.#killTimer)
  }

  /** What cannot be sent exactly is not sent. */
  #assertRunnable(sql: string, inTransaction: boolean): void {
    if (sql.includes('\0') || !sql.isWellFormed()) {
      throw new DriverError('protocol_error', 'The statement has a character that PostgreSQL cannot be sent.')
    }
    const status = this.#connection.transactionStatus
    if (this.#connection.isUsable && (status === 'I') === inTransaction) {
      throw new DriverError(
        'protocol_error',
        `The statement was to run ${inTransaction ? 'in' : 'outside'} a transaction.`,
      )
    }
  }

  async #setLimits(inTransaction: boolean, limits: Limits): Promise<void> {
    this.#limits = limits
    // A setting for the session outlives the statement, so the session ends with it.
    if (!inTransaction) this.#mayReuse = false
    const areFresh = this.#freshLimits === limits
    this.#freshLimits = undefined
    if (!areFresh) await this.#connection.queryAll([setLimits(limits, inTransaction)])
  }

  /**
   * The server's own timeout starts anew with each round of rows; this one is for the statement, but does not
   * run while the sink works. It is also what ends a statement that the server does not.
   */
  async #timed<T>(clock: { leftMs: number; roundMs: number }, work: () => Promise<T>): Promise<T> {
    if (this.#interruption !== undefined) throw this.#interruption
    const late = new DriverError('statement_timeout', 'The statement took longer than its statement_timeout.')
    if (clock.leftMs <= 0) throw late
    const timer = setTimeout(() => void this.#interrupt(late), Math.min(clock.leftMs + GRACE_MS, MAX_TIMER_MS)).unref()
    const startedAt = performance.now()
    this.#isOnServer = true
    try {
      return await work()
    } finally {
      this.#isOnServer = false
      clock.roundMs = performance.now() - startedAt
      clock.leftMs -= clock.roundMs
      clearTimeout(timer)
      clearTimeout(this.#killTimer)
    }
  }

  async #interrupt(reason: DriverError): Promise<void> {
    if (this.#interruption !== undefined) return
    this.#interruption = reason
    if (this.#isEnding) return
    // A COMMIT that does not heed a cancel is on its way to be done, and is left its time.
    if (!this.#isCommitting || reason.code === 'statement_timeout')
      this.#killTimer = setTimeout(() => this.#connection.destroy(reason), GRACE_MS).unref()
    if (!this.#isOnServer) return
    const first = this.#connection.cancel()
    void this.#repeatCancel(first)
    await first
  }

  /** A server that has not read the statement yet ignores a cancel. */
  async #repeatCancel(sent: Promise<void>): Promise<void> {
    for (await sent; this.#isOnServer && this.#connection.isUsable; await this.#connection.cancel()) {
      await sleep(REPEAT_CANCEL_MS, undefined, { ref: false })
    }
  }

  /** Which of the reasons for one SQLSTATE it was; the message would depend on the server's language. */
  #explain(error: unknown, roundMs: number, limits: Pick<Limits, 'statement_timeout_ms' | 'lock_timeout_ms'>): unknown {
    if (!(error instanceof DriverError) || error.code !== 'database_error') return error
    const as = (code: DriverError['code'], message = error.message) => new DriverError(code, message, error)
    if (error.sqlstate === '57014') {
      if (this.#interruption !== undefined) return as(this.#interruption.code, this.#interruption.message)
      return as(roundMs >= limits.statement_timeout_ms ? 'statement_timeout' : 'cancelled')
    }
    if (error.sqlstate === '55P03' && roundMs >= limits.lock_timeout_ms) return as('lock_timeout')
    return error
  }
}

function setLimits(limits: Limits, inTransaction: boolean): OwnQuery {
  return [SET_LIMITS, [...toTimeouts(limits), inTransaction ? 'on' : 'off']]
}

function toTimeouts(limits: Pick<Limits, 'statement_timeout_ms' | 'lock_timeout_ms'>): string[] {
  return [`${limits.statement_timeout_ms}ms`, `${limits.lock_timeout_ms}ms`]
}
