/** Makes a call when its turn has come. */
export type Turns = <T>(call: () => Promise<T>) => Promise<T>

/** Calls in the order they came, at most so many at once. */
export function createTurns(atOnce: number): Turns {
  const waiting: (() => void)[] = []
  let free = atOnce
  return async (call) => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await call()
    } finally {
      // A place goes to the next in line without ever being free: nobody can come between.
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}
