import { z } from 'zod'
import { AppError } from './app-error.ts'
import { ERROR_CODES, type ErrorCode } from './error-codes.ts'

/** An RFC 9457 problem document, `application/problem+json`. `code` is stable; `error_id` is also in the server's log. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  hint: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  error_id: z.string().optional(),
})
export type Problem = z.infer<typeof problemSchema>

export function toProblem(error: AppError): Problem {
  const entry = ERROR_CODES[error.code]
  const hint = error.data.hint ?? entry.hint
  return {
    type: `urn:twinlock:error:${error.code}`,
    title: entry.title,
    status: entry.status,
    code: error.code,
    detail: error.data.detail ?? entry.title,
    ...(hint === null ? {} : { hint }),
    ...(error.data.errors ? { errors: [...error.data.errors] } : {}),
    ...(error.data.errorId ? { error_id: error.data.errorId } : {}),
  }
}

/** The error a problem document stands for; a code of a newer server becomes the nearest one this version knows. */
export function fromProblem(problem: Problem): AppError {
  return new AppError(isErrorCode(problem.code) ? problem.code : nearestCode(problem.status), {
    detail: problem.detail,
    ...(problem.hint ? { hint: problem.hint } : {}),
    ...(problem.errors ? { errors: problem.errors } : {}),
    ...(problem.error_id ? { errorId: problem.error_id } : {}),
  })
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code)
}

function nearestCode(status: number): ErrorCode {
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'permission_denied'
  if (status === 404) return 'not_found'
  if (status === 409) return 'concurrent_change'
  return status >= 500 ? 'internal_error' : 'invalid_request'
}
