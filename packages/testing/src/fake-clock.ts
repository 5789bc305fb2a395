/** A clock that stands still until a test moves it. Times are milliseconds since 1970. */
export interface FakeClock {
  now(): number
  timer(ms: number, fire: () => void): () => void
  /** Moves the time on and fires what has become due, in order. */
  advance(ms: number): void
}

export function createFakeClock(start: number = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start
  const timers = new Set<{ at: number; fire: () => void }>()
  return {
    now: () => now,
    timer(ms, fire) {
      const timer = { at: now + ms, fire }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    advance(ms) {
      const until = now + ms
      while (true) {
        const due = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
        if (!due) break
        timers.delete(due)
        now = Math.max(now, due.at)
        due.fire()
      }
      now = until
    },
  }
}

/** The real clock with a lead that a test gives it: what would take half a minute is over at once, and processes that keep real time still agree with it. */
export interface ShiftedClock {
  now(): number
  timer(ms: number, fire: () => void): () => void
  shift(ms: number): void
}

export function createShiftedClock(): ShiftedClock {
  let lead = 0
  return {
    now: () => Date.now() + lead,
    timer(ms, fire) {
      const timeout = setTimeout(fire, ms)
      timeout.unref()
      return () => clearTimeout(timeout)
    },
    shift(ms) {
      lead += ms
    },
  }
}
