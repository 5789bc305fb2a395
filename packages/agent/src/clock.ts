/** Milliseconds since 1970, as the machine believes. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
