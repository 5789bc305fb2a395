import type { Changes } from './changes.ts'

/**
 * Wakes, of the many who wait for one of many things, those whom a change concerns. However many wait, what has changed is
 * read once, and a burst of changes is read together; who is not concerned does nothing.
 */
export interface Feed<T> {
  /** Whether anybody is waiting. */
  isWatched(): boolean
  /** Something has changed: `read` will tell what. */
  stir(): void
  /** Waits in `topic`, which nobody else has, until it is disposed of. */
  join(concerns: (thing: T) => boolean): Disposable & { readonly topic: string }
  /** Takes turns with the others who were woken, and lets everybody else in between. */
  inTurn<R>(work: () => Promise<R>): Promise<R>
}

/** `read` tells what has changed since it was asked last; when it throws, everybody is concerned. */
export function createFeed<T>(
  name: string,
  changes: Pick<Changes, 'notify'>,
  read: () => Promise<readonly T[]>,
  onError: (error: unknown) => void,
): Feed<T> {
  const members = new Map<string, (thing: T) => boolean>()
  let joined = 0
  let stirred = false
  let reading = false
  let lastTurn: Promise<unknown> = Promise.resolve()

  async function tell(): Promise<void> {
    reading = true
    while (stirred) {
      stirred = false
      let things: readonly T[] | undefined
      try {
        things = await read()
      } catch (error) {
        onError(error)
      }
      for (const [topic, concerns] of members) if (!things || things.some(concerns)) changes.notify(topic)
      await breath()
    }
    reading = false
  }

  return {
    isWatched: () => members.size > 0,
    stir() {
      stirred = true
      if (!reading) void tell()
    },
    join(concerns) {
      const topic = `${name}:${++joined}`
      members.set(topic, concerns)
      return { topic, [Symbol.dispose]: () => void members.delete(topic) }
    },
    inTurn(work) {
      const turn = lastTurn.then(work)
      lastTurn = turn.catch(() => {}).then(breath)
      return turn
    },
  }
}

function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
