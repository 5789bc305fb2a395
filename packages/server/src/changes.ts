import type { Clock } from './clock.ts'

/** Wakes those who wait for something to change: long polls, agents, readers of a growing result. */
export interface Changes {
  notify(...topics: readonly string[]): void
  /** Tells every change, for one who knows better than a topic whom it concerns. */
  watch(tell: (topics: readonly string[]) => void): void
  /**
   * Reads until `read` has an answer, again after each change of a topic, at most until `ms` have passed or the signal
   * aborts; then undefined. It listens before it reads, so that no change is missed between the two. Once the server
   * stops it reads no more than once, unless it is told to `go_on`.
   */
  waitFor<T>(
    topics: readonly string[],
    ms: number,
    signal: AbortSignal,
    read: () => Promise<T | undefined>,
    whileStopping?: 'answer' | 'go_on',
  ): Promise<T | undefined>
  /** The server stops: whoever waits gets the answer there is. */
  release(): void
}

export const topicOf = {
  request: (id: string) => `request:${id}`,
  execution: (id: string) => `execution:${id}`,
  result: (executionId: string) => `result:${executionId}`,
  /** Who there is, and what they may do. */
  people: 'people',
  /** Something an agent has to be told that is not about its queues. */
  agent: (id: string) => `agent:${id}`,
  queue: (target: { database: string; environment: string }) => `queue:${target.database}/${target.environment}`,
}

export function createChanges(clock: Clock): Changes {
  const listeners = new Map<string, Set<() => void>>()
  let isReleased = false
  const watchers: ((topics: readonly string[]) => void)[] = []

  function listen(topics: readonly string[], wake: () => void): () => void {
    for (const topic of topics) {
      const wakes = listeners.get(topic) ?? new Set()
      listeners.set(topic, wakes.add(wake))
    }
    return () => {
      for (const topic of topics) {
        const wakes = listeners.get(topic)
        wakes?.delete(wake)
        if (wakes?.size === 0) listeners.delete(topic)
      }
    }
  }

  return {
    watch(tell) {
      watchers.push(tell)
    },
    notify(...topics) {
      for (const tell of watchers) tell(topics)
      for (const topic of topics) for (const wake of [...(listeners.get(topic) ?? [])]) wake()
    },
    release() {
      isReleased = true
      for (const wakes of [...listeners.values()]) for (const wake of [...wakes]) wake()
    },
    async waitFor(topics, ms, signal, read, whileStopping = 'answer') {
      const deadline = clock.now() + ms
      while (true) {
        const { promise, resolve } = Promise.withResolvers<void>()
        const stopListening = listen(topics, resolve)
        const left = deadline - clock.now()
        const stopTimer = left > 0 ? clock.timer(left, resolve) : () => {}
        const onAbort = () => resolve()
        signal.addEventListener('abort', onAbort, { once: true })
        try {
          const answer = await read()
          if (answer !== undefined) return answer
          if (left <= 0 || signal.aborted || (isReleased && whileStopping === 'answer')) return undefined
          await promise
          if (signal.aborted) return undefined
        } finally {
          stopListening()
          stopTimer()
          signal.removeEventListener('abort', onAbort)
        }
      }
    },
  }
}
