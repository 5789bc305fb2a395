import { AppError, type Problem, toProblem } from '@twinlock/contract'
import type { Context } from '../context.ts'

/** The one converter from whatever was thrown to a problem document. What is not an AppError tells the client an id and no more. */
export function toErrorResponse(ctx: Pick<Context, 'logger' | 'ids'>, error: unknown): Problem {
  const known = error instanceof AppError ? error : fromFastify(error)
  if (known && toProblem(known).status < 500) return toProblem(known)
  const errorId = ctx.ids('err')
  ctx.logger.error({ err: error, error_id: errorId }, 'a request failed')
  return toProblem(new AppError(known?.code ?? 'internal_error', { errorId }))
}

function fromFastify(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  switch (error.statusCode) {
    case 404:
      return new AppError('not_found')
    case 413:
      return new AppError('payload_too_large')
    case 415:
      return new AppError('unsupported_media_type')
    case 400:
      return new AppError('invalid_request', { detail: 'the body is not valid JSON' })
    default:
      return undefined
  }
}
