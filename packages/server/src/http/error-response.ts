import { AppError, type Problem, toProblem } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { isStorageFull, isStoreFailure } from '../disk-error.ts'

/** The one converter from whatever was thrown to a problem document. What is not an AppError tells the client an id and no more. */
export function toErrorResponse(ctx: Pick<Context, 'logger' | 'ids'>, error: unknown, callId: string): Problem {
  const known = error instanceof AppError ? error : (fromFramework(error) ?? fromDisk(error))
  if (known && (toProblem(known).status < 500 || isDecided(known))) return toProblem(known)
  const errorId = ctx.ids('err')
  ctx.logger.error({ err: error, error_id: errorId, call_id: callId }, 'a request failed')
  return toProblem(new AppError(known?.code ?? 'internal_error', { errorId }))
}

/** The server's own no, which is not a failure of it. */
function isDecided({ code, cause }: AppError): boolean {
  return cause === undefined && ['not_ready', 'result_quota_exceeded', 'storage_full'].includes(code)
}

function fromFramework(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  switch (error.statusCode) {
    case 404:
      return new AppError('not_found')
    case 413:
      return new AppError('payload_too_large')
    case 415:
      return new AppError('unsupported_media_type')
    case 400:
      return new AppError('invalid_request', notReadable('code' in error ? error.code : undefined))
    default:
      return undefined
  }
}

function notReadable(code: unknown): { detail: string; hint: string } {
  if (code === 'FST_ERR_BAD_URL')
    return { detail: 'the address is not a valid URL', hint: 'Escape what stands in the path.' }
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY') return { detail: 'the body is empty', hint: 'Send a JSON object.' }
  return { detail: 'the body is not valid JSON', hint: 'Send a JSON object in UTF-8.' }
}

function fromDisk(error: unknown): AppError | undefined {
  if (isStorageFull(error)) return new AppError('storage_full', {}, error)
  return isStoreFailure(error)
    ? new AppError('not_ready', { detail: 'the state cannot be read or written' }, error)
    : undefined
}
