/** Time through one door, so that tests can hold it. Times are milliseconds since 1970. */
export interface Clock {
  now(): number
  /** Calls `fire` once after `ms`; the returned function calls it off. A pending timer does not keep the process alive. */
  timer(ms: number, fire: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  timer(ms, fire) {
    const timeout = setTimeout(fire, ms)
    timeout.unref()
    return () => clearTimeout(timeout)
  },
}

/** RFC 3339 with milliseconds, the one form in views, orders and the audit log. */
export function toInstant(ms: number): string {
  return new Date(ms).toISOString()
}
