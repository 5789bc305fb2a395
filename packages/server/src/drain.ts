import type { Changes } from './changes.ts'
import type { Clock } from './clock.ts'

/** How a server stops: nothing new begins, what is under way ends. */
export interface Drain {
  readonly hasBegun: boolean
  /** A call begins; `cut` ends it early where that is possible. The returned function says that it is over. */
  enter(cut: () => void): () => void
  /**
   * Answers who waits for a change, and then waits until no call is under way and nobody `needsMore`, at most `ms`; what
   * is open even then is cut.
   */
  run(ms: number, needsMore: () => Promise<boolean>): Promise<void>
}

const LOOK_EVERY_MS = 50
/** For streams that were cut to write their end. */
const CUT_MS = 500

export function createDrain(clock: Clock, changes: Pick<Changes, 'release'>): Drain {
  const underWay = new Set<() => void>()
  let hasBegun = false
  const pause = () => new Promise<void>((resolve) => void clock.timer(LOOK_EVERY_MS, resolve))
  return {
    get hasBegun() {
      return hasBegun
    },
    enter(cut) {
      // A function of its own for each call, which may all be cut by one and the same.
      const entry = () => cut()
      underWay.add(entry)
      return () => void underWay.delete(entry)
    },
    async run(ms, needsMore) {
      hasBegun = true
      changes.release()
      const deadline = clock.now() + ms
      while (clock.now() < deadline && (underWay.size > 0 || (await needsMore()))) await pause()
      for (const cut of underWay) cut()
      const cutDeadline = clock.now() + CUT_MS
      while (underWay.size > 0 && clock.now() < cutDeadline) await pause()
    },
  }
}
