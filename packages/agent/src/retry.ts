import { ERROR_CODES, isAppError } from '@twinlock/contract'
import { backoffDelay, sleep } from './backoff.ts'
import type { Turns } from './turns.ts'

/** What became of a call that is repeated until it has an answer. */
export type Retried<T> =
  | { readonly ok: true; readonly value: T }
  /** `refused`: the server's last word. `gave_up`: no answer in time, or the agent stops. */
  | { readonly ok: false; readonly why: 'refused' | 'gave_up'; readonly error: unknown }

export interface RetryOptions {
  readonly signal: AbortSignal
  /** One attempt's time; a server that accepts and never answers is one that cannot be reached. */
  readonly attemptMs: number
  /** No attempt begins after this much time. Forever by default. */
  readonly withinMs?: number
  readonly onFailure?: (error: unknown, attempt: number) => void
  /** Whether a failure is the last word; `isFinal` by default. */
  readonly isLastWord?: (error: unknown) => boolean
  /** The longest wait after a failure. */
  readonly maxWaitMs?: (error: unknown) => number
  /** Makes each attempt when its turn has come; its time begins then. */
  readonly inTurn?: Turns
}

export async function callWithRetry<T>(
  attemptOnce: (signal: AbortSignal) => Promise<T>,
  options: RetryOptions,
): Promise<Retried<T>> {
  const { signal, attemptMs, withinMs = Number.POSITIVE_INFINITY, isLastWord = isFinal, inTurn = atOnce } = options
  const startedAt = performance.now()
  for (let attempt = 0; ; attempt++) {
    let failure: unknown
    try {
      const value = await inTurn(() => attemptOnce(AbortSignal.any([signal, AbortSignal.timeout(attemptMs)])))
      return { ok: true, value }
    } catch (error) {
      failure = error
    }
    if (isLastWord(failure)) return { ok: false, why: 'refused', error: failure }
    if (!signal.aborted) {
      options.onFailure?.(failure, attempt)
      await sleep(backoffDelay(attempt, Math.random(), options.maxWaitMs?.(failure)), signal)
    }
    if (signal.aborted || performance.now() - startedAt >= withinMs)
      return { ok: false, why: 'gave_up', error: failure }
  }
}

const atOnce: Turns = (attempt) => attempt()

/**
 * Whether repeating the call is pointless. A token that is refused now may be accepted once an administrator has put it
 * right, and a 5xx or a broken line passes: what the agent knows must not be dropped for either.
 */
export function isFinal(error: unknown): boolean {
  if (!isAppError(error)) return false
  // Something else moved at the same moment; the next answer will be about where it moved to.
  if (error.code === 'concurrent_change') return false
  const { status } = ERROR_CODES[error.code]
  return status >= 400 && status < 500 && !PASSING_STATUSES.includes(status)
}

/** What the log says of a failure: never a body, a token, a statement or a value, so no message of an unknown error. */
export function describeFailure(error: unknown): { code: string; reason: string; at?: string } {
  // The server's own words, which need not be few.
  if (isAppError(error)) return { code: error.code, reason: error.message.slice(0, MAX_REASON) }
  if (!(error instanceof Error)) return { code: 'agent_error', reason: 'unknown' }
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return { code: 'server_unreachable', reason: 'no answer in time' }
  const { code } = error as NodeJS.ErrnoException
  const at = /^ {4}at .*$/m.exec(error.stack ?? '')?.[0].trim()
  return { code: 'agent_error', reason: typeof code === 'string' ? code : error.name, ...(at ? { at } : {}) }
}

const PASSING_STATUSES: readonly number[] = [401, 403, 429]
const MAX_REASON = 500
