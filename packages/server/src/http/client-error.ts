import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { AppError, toProblem } from '@twinlock/contract'

/** Answers what is no HTTP, or more of it than is read, like everything else: with a problem document, once, and goodbye. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const problem = toProblem(toAppError(error.code))
  const body = JSON.stringify(problem)
  if (socket.writable)
    socket.write(
      [
        `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
        'content-type: application/problem+json',
        `content-length: ${Buffer.byteLength(body)}`,
        'connection: close',
        '',
        body,
      ].join('\r\n'),
    )
  socket.destroySoon()
}

function toAppError(code: string | undefined): AppError {
  if (code === 'HPE_HEADER_OVERFLOW') return new AppError('headers_too_large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new AppError('request_timeout')
  return new AppError('invalid_request', {
    detail: 'what was sent is not valid HTTP',
    hint: 'Send an HTTP/1.1 request.',
  })
}
