/** What results take of their quota, and who is reading them; in memory, counted once at the start. */
export interface ResultRoom {
  readonly usedBytes: number
  readonly quota: number
  /** What is there at the start, whether or not it fits. */
  add(executionId: string, bytes: number): void
  /** Takes room for more of a result; false when the quota does not have it. */
  take(executionId: string, bytes: number): boolean
  giveBack(executionId: string, bytes: number): void
  /** Whether the result would be too large with everything else gone. */
  canNeverFit(executionId: string, bytes: number): boolean
  /** The result is gone: all its room is free. */
  release(executionId: string): void
  /** A reader begins; undefined while the result is being removed. The returned function says that it has ended. */
  startReading(executionId: string): (() => void) | undefined
  /** From here on nobody begins to read it; undefined when somebody does now. The returned function ends that. */
  startRemoving(executionId: string): (() => void) | undefined
  /** One after another what has the same key: two who look for room must not both delete what one of them needs. */
  inTurn<T>(key: string, work: () => Promise<T>): Promise<T>
}

export function createResultRoom(quota: number): ResultRoom {
  const sizes = new Map<string, number>()
  const readers = new Map<string, number>()
  const removing = new Set<string>()
  let usedBytes = 0
  const turns = new Map<string, Promise<unknown>>()
  const sizeOf = (id: string) => sizes.get(id) ?? 0

  function change(id: string, bytes: number): void {
    const size = sizeOf(id) + bytes
    usedBytes += bytes
    if (size > 0) sizes.set(id, size)
    else sizes.delete(id)
  }

  return {
    quota,
    get usedBytes() {
      return usedBytes
    },
    add: change,
    take(id, bytes) {
      if (usedBytes + bytes > quota) return false
      change(id, bytes)
      return true
    },
    giveBack: (id, bytes) => change(id, -Math.min(bytes, sizeOf(id))),
    canNeverFit: (id, bytes) => sizeOf(id) + bytes > quota,
    release: (id) => change(id, -sizeOf(id)),
    startReading(id) {
      if (removing.has(id)) return undefined
      readers.set(id, (readers.get(id) ?? 0) + 1)
      let isReading = true
      return () => {
        if (!isReading) return
        isReading = false
        const left = (readers.get(id) ?? 1) - 1
        if (left === 0) readers.delete(id)
        else readers.set(id, left)
      }
    },
    startRemoving(id) {
      if (readers.has(id) || removing.has(id)) return undefined
      removing.add(id)
      return () => void removing.delete(id)
    },
    inTurn(key, work) {
      const mine = (turns.get(key) ?? Promise.resolve()).then(work)
      const over: Promise<void> = mine
        .then(
          () => {},
          () => {},
        )
        .finally(() => {
          if (turns.get(key) === over) turns.delete(key)
        })
      turns.set(key, over)
      return mine
    },
  }
}
