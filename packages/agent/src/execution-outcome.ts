import type { Effect, ExecutionError, ExecutionErrorCode, Outcome, StatementOutcome } from '@twinlock/contract'
import { DriverError, type DriverErrorCode } from './drivers/driver.ts'

/** How far an execution had come when it failed. */
export type Phase =
  /** Before the first statement was sent. */
  | 'before_first_statement'
  | 'read_only'
  | 'in_transaction'
  /** A statement that runs without BEGIN. */
  | 'without_transaction'

const MAX_TEXT = 8192

const CODES: Readonly<Record<DriverErrorCode, ExecutionErrorCode>> = {
  connection_failed: 'connection_failed',
  connection_lost: 'connection_lost',
  pooler_detected: 'pooler_detected',
  dialect_mismatch: 'dialect_mismatch',
  database_error: 'database_error',
  statement_timeout: 'statement_timeout',
  lock_timeout: 'lock_timeout',
  cancelled: 'cancelled',
  copy_refused: 'copy_refused',
  field_too_large: 'field_too_large',
  result_too_large: 'result_too_large',
  protocol_error: 'protocol_error',
}

export function toExecutionError(error: unknown, statement: number | null): ExecutionError {
  if (!(error instanceof DriverError)) return agentError('The agent failed; its log has the rest.', statement)
  return {
    code: CODES[error.code],
    message: clip(error.message),
    statement,
    position: Number.isSafeInteger(error.position) && Number(error.position) > 0 ? Number(error.position) : null,
    sqlstate: /^[0-9A-Z]{5}$/.test(error.sqlstate ?? '') ? (error.sqlstate ?? null) : null,
    detail: error.detail === undefined ? null : clip(error.detail),
    hint: error.hint === undefined ? null : clip(error.hint),
  }
}

export function agentError(message: string, statement: number | null = null): ExecutionError {
  return codedError('agent_error', message, statement)
}

export function codedError(code: ExecutionErrorCode, message: string, statement: number | null = null): ExecutionError {
  return { code, message: clip(message), statement, position: null, sqlstate: null, detail: null, hint: null }
}

/** What a failure left behind, where COMMIT was not sent. On doubt the worse answer. */
export function effectOfFailure(phase: Phase, error: unknown): Effect {
  if (phase === 'before_first_statement') return 'none'
  if (phase === 'read_only') return 'rolled_back'
  const code = error instanceof DriverError ? error.code : undefined
  // A statement that ended its transaction may have committed the ones before it.
  if (phase === 'in_transaction') return code === 'protocol_error' ? 'unknown' : 'rolled_back'
  if (code === 'database_error' && isBeforeBeginning(error)) return 'rolled_back'
  // The statement ended, but what it had done by then stays, such as an invalid index.
  if (error instanceof DriverError && error.sqlstate !== undefined && ENDED.has(error.code)) return 'partial'
  return code === 'copy_refused' ? 'partial' : 'unknown'
}

/** Says what is left, where the database does not. */
export function withPartialHint(error: ExecutionError, effect: Effect): ExecutionError {
  return effect === 'partial' && error.hint === null ? { ...error, hint: PARTIAL_HINT } : error
}

const PARTIAL_HINT =
  'It ran outside a transaction, so what it had done by then stays. After CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY look for an invalid index (pg_index.indisvalid) and drop it; then run it again.'

/** Where the server itself says so; otherwise the connection was given up, and the statement may go on. */
const ENDED: ReadonlySet<DriverErrorCode> = new Set([
  'database_error',
  'statement_timeout',
  'lock_timeout',
  'cancelled',
])

/** The server points into the statement's own text, or says that it may not run here: it did not begin. */
function isBeforeBeginning(error: unknown): boolean {
  return error instanceof DriverError && (error.position !== undefined || error.sqlstate === '25001')
}

export function failedOutcome(
  leaseId: string,
  error: ExecutionError,
  effect: Effect,
  rest: Partial<Pick<Outcome, 'statements' | 'duration_ms' | 'server_version' | 'clamped' | 'known_from'>> = {},
): Outcome {
  return {
    lease_id: leaseId,
    status: error.code === 'cancelled' ? 'cancelled' : 'failed',
    effect,
    error,
    statements: [],
    duration_ms: null,
    server_version: null,
    chunks: 0,
    result_sha256: null,
    known_from: 'observed',
    clamped: {},
    ...rest,
  }
}

export function notRun(count: number): StatementOutcome[] {
  return Array.from({ length: count }, () => ({ status: 'not_run', affected_rows: null, row_count: null }))
}

function clip(text: string): string {
  if (text.length <= MAX_TEXT) return text
  // Not in the middle of a character.
  return `${text.slice(0, MAX_TEXT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}
