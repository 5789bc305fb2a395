import type { StopReason } from './stop-reason.ts'

/** Cancels of executions that have ended, which a server might repeat until it has heard of the end. */
const MAX_REMEMBERED = 200
/** What one poll may name. */
const MAX_TOLD = 1000

/** The executions that this agent has taken and not brought to their end. */
export interface RunningExecutions {
  readonly size: number
  has(executionId: string): boolean
  /** The signal that tells it to stop. */
  begin(executionId: string): AbortSignal
  end(executionId: string): void
  /** Whether the server said this for the first time, also of an execution that has ended: then nothing is left to stop. */
  cancel(executionId: string, reason: StopReason): boolean
  stopAll(reason: StopReason): void
  /** What the server need not repeat. */
  cancelling(): string[]
}

export function createRunningExecutions(): RunningExecutions {
  const running = new Map<string, AbortController>()
  const cancelled = new Set<string>()

  /** The oldest that have ended go first; of those at work none. */
  function forget(): void {
    let surplus = [...cancelled].filter((id) => !running.has(id)).length - MAX_REMEMBERED
    for (const id of cancelled) {
      if (surplus <= 0) return
      if (running.has(id)) continue
      cancelled.delete(id)
      surplus -= 1
    }
  }

  return {
    get size() {
      return running.size
    },
    has: (executionId) => running.has(executionId),
    begin(executionId) {
      const stop = new AbortController()
      cancelled.delete(executionId)
      running.set(executionId, stop)
      return stop.signal
    },
    end: (executionId) => void running.delete(executionId),
    cancel(executionId, reason) {
      running.get(executionId)?.abort(reason)
      if (cancelled.has(executionId)) return false
      cancelled.add(executionId)
      forget()
      return true
    },
    stopAll(reason) {
      for (const stop of running.values()) stop.abort(reason)
    },
    cancelling: () => [...cancelled].slice(-MAX_TOLD),
  }
}
