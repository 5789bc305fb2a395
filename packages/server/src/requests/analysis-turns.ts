import { AppError } from '@twinlock/contract'

/** One text of a person's is parsed at a time, so that nobody's hostile texts keep the parser from the others. */
export interface AnalysisTurns {
  /** Throws `too_many_requests` when this person has too many texts waiting, `concurrent_change` when the client has gone. */
  take<T>(userId: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

const MAX_WAITING = 64

export function createAnalysisTurns(): AnalysisTurns {
  const lines = new Map<string, { last: Promise<unknown>; length: number }>()
  return {
    async take(userId, signal, work) {
      const line = lines.get(userId) ?? { last: Promise.resolve(), length: 0 }
      if (line.length >= MAX_WAITING) throw new AppError('too_many_requests')
      lines.set(userId, line)
      line.length++
      const before = line.last
      const { promise: done, resolve } = Promise.withResolvers<void>()
      line.last = done
      try {
        await before
        // Nobody waits for the answer any more.
        if (signal.aborted) throw new AppError('concurrent_change')
        return await work()
      } finally {
        line.length--
        if (line.length === 0) lines.delete(userId)
        resolve()
      }
    },
  }
}
