import {
  AppError,
  ERROR_CODES,
  type ErrorCode,
  EXECUTION_ERROR_CODES,
  type ExecutionErrorCode,
  type ExecutionView,
  type RequestStatus,
} from '@twinlock/contract'
import { CliError } from './cli-error.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

/** Codes whose status alone does not say it. */
const EXIT_OF_CODE: Partial<Record<ErrorCode, ExitCode>> = { approval_expired: EXIT.refused }

export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exit
  if (!(error instanceof AppError)) return EXIT.error
  return EXIT_OF_CODE[error.code] ?? (ERROR_CODES[error.code].status === 403 ? EXIT.denied : EXIT.error)
}

export const EXIT_OF_REQUEST = {
  pending: EXIT.pending,
  approved: EXIT.done,
  completed: EXIT.done,
  rejected: EXIT.refused,
  expired: EXIT.refused,
  cancelled: EXIT.refused,
} as const satisfies Record<RequestStatus, ExitCode>

/** What an execution says about itself, once nobody waits for it any longer. */
export function exitCodeOfExecution(execution: Pick<ExecutionView, 'status' | 'effect' | 'error'>): ExitCode {
  switch (execution.status) {
    case 'queued':
    case 'leased':
    case 'running':
      return EXIT.pending
    case 'lost':
      return EXIT.unknown
    case 'succeeded':
      return execution.effect === 'unknown' ? EXIT.unknown : EXIT.done
    case 'cancelled':
      return execution.effect === 'unknown' ? EXIT.unknown : EXIT.refused
    case 'failed':
      if (execution.effect === 'unknown') return EXIT.unknown
      return failedInDatabase(execution.error) ? EXIT.failed : EXIT.error
  }
}

function failedInDatabase(error: ExecutionView['error']): boolean {
  if (error === null) return false
  // A code of a newer agent: only a database gives an SQLSTATE.
  if (!isKnown(error.code)) return error.sqlstate !== null
  return EXECUTION_ERROR_CODES[error.code].by === 'database'
}

function isKnown(code: string): code is ExecutionErrorCode {
  return Object.hasOwn(EXECUTION_ERROR_CODES, code)
}
