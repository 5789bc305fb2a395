import { ERROR_CODES, type ErrorCode } from './error-codes.ts'

export interface FieldProblem {
  readonly path: string
  readonly message: string
}

export interface ErrorData {
  /** One sentence about this occurrence; the code's title stands in when it is missing. Never a literal, a secret or an internal. */
  readonly detail?: string
  /** Overrides the code's hint. */
  readonly hint?: string
  readonly errors?: readonly FieldProblem[]
  readonly errorId?: string
}

/** The one error class: branch on `code`. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly data: ErrorData

  constructor(code: ErrorCode, data: ErrorData = {}, cause?: unknown) {
    super(data.detail ?? ERROR_CODES[code].title, cause === undefined ? undefined : { cause })
    this.name = 'AppError'
    this.code = code
    this.data = data
  }
}

export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code)
}
