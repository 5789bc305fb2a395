/** A share of the room, given back once. */
export type GiveBack = () => void

export interface MemoryRoom {
  /** Resolves when there is room for `bytes`, in the order asked; more than there is takes all of it. */
  take(bytes: number): Promise<GiveBack>
}

/** Memory that several connections share, so that it is bounded for all of them together. */
export function createMemoryRoom(totalBytes: number): MemoryRoom {
  const waiting: { bytes: number; enter: () => void }[] = []
  let free = totalBytes

  function admit(): void {
    for (let next = waiting[0]; next !== undefined && next.bytes <= free; next = waiting[0]) {
      waiting.shift()
      free -= next.bytes
      next.enter()
    }
  }

  return {
    async take(wanted) {
      const bytes = Math.min(wanted, totalBytes)
      await new Promise<void>((enter) => {
        waiting.push({ bytes, enter })
        admit()
      })
      let isHeld = true
      return () => {
        if (isHeld) free += bytes
        isHeld = false
        admit()
      }
    },
  }
}
