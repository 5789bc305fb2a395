import { setTimeout as delay } from 'node:timers/promises'

const FIRST_MS = 250
export const MAX_BACKOFF_MS = 15_000

/** Exponential with full jitter; `attempt` counts from 0, `random` is in [0, 1). */
export function backoffDelay(attempt: number, random: number, maxMs = MAX_BACKOFF_MS): number {
  return Math.floor(random * Math.min(maxMs, FIRST_MS * 2 ** Math.min(attempt, 16)))
}

/** Resolves after `ms`, or at once when the signal is aborted; never rejects. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal ? { signal } : {}).catch(() => {})
}
