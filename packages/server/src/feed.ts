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
  /** Something has changed that concerns everybody. */
  stirAll(): void
  /** Waits until it is disposed of. */
  join(concerns: (thing: T) => boolean): FeedMember
  /** Takes turns with the others who were woken, and lets everybody else in between. */
  inTurn<R>(work: () => Promise<R>): Promise<R>
}

export interface FeedMember extends Disposable {
  /** Of their own: notified when something concerns them. */
  readonly topic: string
  /** Whether something has concerned them since they asked last. */
  wasStirred(): boolean
}

/** `read` tells what has changed since it was asked last; when it cannot tell, or throws, everybody is concerned. */
export function createFeed<T>(
  name: string,
  changes: Pick<Changes, 'notify'>,
  read: () => Promise<readonly T[] | undefined>,
  onError: (error: unknown) => void,
): Feed<T> {
  const members = new Map<string, { readonly concerns: (thing: T) => boolean; stirred: boolean }>()
  let joined = 0
  let toRead = false
  let reading = false
  let lastTurn: Promise<unknown> = Promise.resolve()

  async function tell(): Promise<void> {
    reading = true
    while (toRead) {
      toRead = false
      let things: readonly T[] | undefined
      try {
        things = await read()
      } catch (error) {
        onError(error)
      }
      wake((concerns) => !things || things.some(concerns))
      await breath()
    }
    reading = false
  }

  function wake(isConcerned: (concerns: (thing: T) => boolean) => boolean): void {
    for (const [topic, member] of members) {
      if (!isConcerned(member.concerns)) continue
      member.stirred = true
      changes.notify(topic)
    }
  }

  return {
    isWatched: () => members.size > 0,
    stir() {
      toRead = true
      if (!reading) void tell()
    },
    stirAll: () => wake(() => true),
    join(concerns) {
      const topic = `${name}:${++joined}`
      const member = { concerns, stirred: false }
      members.set(topic, member)
      return {
        topic,
        wasStirred() {
          const was = member.stirred
          member.stirred = false
          return was
        },
        [Symbol.dispose]: () => void members.delete(topic),
      }
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
