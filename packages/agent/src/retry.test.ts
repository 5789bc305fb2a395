import { AppError, isAppError } from '@twinlock/contract'
import { expect, test } from 'vitest'
import { callWithRetry, describeFailure, isFinal } from './retry.ts'

test.each(['lease_lost', 'execution_closed', 'execution_not_found', 'invalid_request', 'payload_too_large'] as const)(
  '%s is the last word',
  (code) => {
    expect(isFinal(new AppError(code))).toBe(true)
  },
)

test.each([
  new AppError('server_unreachable'),
  new AppError('unexpected_answer'),
  new AppError('internal_error'),
  new AppError('storage_full'),
  new AppError('not_ready'),
  // An administrator may put these right, and then the outcome must still be there.
  new AppError('unauthenticated'),
  new AppError('permission_denied'),
  new AppError('too_many_requests'),
  // The server's own races.
  new AppError('concurrent_change'),
  new TypeError('x'),
])('%s passes', (error) => {
  expect(isFinal(error)).toBe(false)
})

test('a call that nobody answers ends with its time', async () => {
  const signal = new AbortController().signal
  let attempts = 0
  const never = (attempt: AbortSignal) => {
    attempts += 1
    return new Promise((_, reject) => attempt.addEventListener('abort', () => reject(attempt.reason)))
  }
  const answered = await callWithRetry(never, { signal, attemptMs: 5, withinMs: 0 })
  expect(answered).toMatchObject({ ok: false, why: 'gave_up' })
  expect(attempts).toBe(1)
})

test('the last word and the longest wait are for the caller to say', async () => {
  const errors = [new AppError('execution_not_found'), new AppError('lease_lost'), new AppError('execution_closed')]
  const waits: unknown[] = []
  const answered = await callWithRetry(() => Promise.reject(errors.shift()), {
    signal: new AbortController().signal,
    attemptMs: 1000,
    isLastWord: (error) => isAppError(error, 'execution_closed'),
    maxWaitMs: (error) => waits.push(error),
  })
  expect(answered).toMatchObject({ ok: false, why: 'refused', error: { code: 'execution_closed' } })
  expect(waits).toMatchObject([{ code: 'execution_not_found' }, { code: 'lease_lost' }])
})

test('a failure is described without its message, which may hold anything', () => {
  const described = describeFailure(new Error('insert into secrets values (1)'))
  expect(described).toMatchObject({ code: 'agent_error', reason: 'Error' })
  expect(JSON.stringify(described)).not.toContain('secrets')
})

test("the server's words are kept short", () => {
  expect(describeFailure(new AppError('internal_error', { detail: 'x'.repeat(10_000) })).reason).toHaveLength(500)
})
