import { describe, expect, it } from 'vitest'
import { AppError, isAppError } from './app-error.ts'
import { ERROR_CODES, type ErrorCode } from './error-codes.ts'
import { fromProblem, type Problem, problemSchema, toProblem } from './problem.ts'

const CODES = Object.keys(ERROR_CODES) as ErrorCode[]

function problem(over: Partial<Problem>): Problem {
  return { type: 'urn:twinlock:error:x', title: 'X', status: 400, code: 'x', detail: 'x', ...over }
}

describe('toProblem', () => {
  it('says no more than the code does when nothing else is known', () => {
    expect(toProblem(new AppError('not_found'))).toEqual({
      type: 'urn:twinlock:error:not_found',
      title: 'Not found',
      status: 404,
      code: 'not_found',
      detail: 'Not found',
    })
  })

  it('an occurrence has its own detail, hint, fields and error id', () => {
    const error = new AppError('invalid_request', {
      detail: 'body.sql: is missing',
      hint: 'Give one.',
      errors: [{ path: 'body.sql', message: 'is missing' }],
      errorId: 'err_1',
    })
    expect(toProblem(error)).toEqual({
      type: 'urn:twinlock:error:invalid_request',
      title: 'The request is not valid',
      status: 400,
      code: 'invalid_request',
      detail: 'body.sql: is missing',
      hint: 'Give one.',
      errors: [{ path: 'body.sql', message: 'is missing' }],
      error_id: 'err_1',
    })
  })

  it('never carries the cause', () => {
    const error = new AppError('internal_error', { errorId: 'err_1' }, new Error('password=hunter2'))
    expect(error.cause).toBeInstanceOf(Error)
    expect(JSON.stringify(toProblem(error))).not.toContain('hunter2')
  })

  it.each(CODES)('%s comes back from the wire as it was', (code) => {
    const sent = new AppError(code, { detail: 'd', errors: [{ path: 'p', message: 'm' }], errorId: 'err_1' })
    const received = fromProblem(problemSchema.parse(JSON.parse(JSON.stringify(toProblem(sent)))))
    expect(received.code).toBe(code)
    expect(toProblem(received)).toEqual(toProblem(sent))
  })
})

describe('fromProblem', () => {
  it.each([
    [400, 'invalid_request'],
    [401, 'unauthenticated'],
    [403, 'permission_denied'],
    [404, 'not_found'],
    [409, 'concurrent_change'],
    [422, 'invalid_request'],
    [429, 'invalid_request'],
    [500, 'internal_error'],
    [503, 'internal_error'],
  ] as const)('an unknown code of status %d is %s, with its own detail and hint', (status, code) => {
    const error = fromProblem(problem({ status, code: 'from_the_future', detail: 'why', hint: 'do this' }))
    expect(error.code).toBe(code)
    expect(error.data).toEqual({ detail: 'why', hint: 'do this' })
  })

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('%s is not a code', (code) => {
    expect(fromProblem(problem({ code, status: 404 })).code).toBe('not_found')
  })
})

describe('problemSchema', () => {
  it('ignores members it does not know, as RFC 9457 asks', () => {
    expect(problemSchema.safeParse({ ...problem({}), balance: 30 }).success).toBe(true)
  })

  it.each(['type', 'title', 'status', 'code', 'detail'])('refuses a document without %s', (member) => {
    const document = Object.fromEntries(Object.entries(problem({})).filter(([key]) => key !== member))
    expect(problemSchema.safeParse(document).success).toBe(false)
  })
})

describe('isAppError', () => {
  it('knows ours, and ours of one code', () => {
    expect(isAppError(new AppError('not_found'))).toBe(true)
    expect(isAppError(new AppError('not_found'), 'not_found')).toBe(true)
    expect(isAppError(new AppError('not_found'), 'not_ready')).toBe(false)
    expect(isAppError(Object.assign(new Error('x'), { code: 'not_found' }))).toBe(false)
    expect(isAppError(undefined)).toBe(false)
  })
})
