import { setImmediate } from 'node:timers/promises'
import { type Lease, POLL_HOLD_S, type TargetState } from '@twinlock/contract'
import type { Logger } from 'pino'
import { backoffDelay, sleep } from './backoff.ts'
import { describeFailure } from './retry.ts'
import type { RunningExecutions } from './running-executions.ts'
import type { PollAnswer, ServerLink } from './server-link.ts'

/** The server's hold and the way there and back. */
const POLL_TIMEOUT_MS = (POLL_HOLD_S + 10) * 1000
/** An answer sooner than this with nothing to take was not held: the server drains or errs, or something else answers in its place. */
const HELD_MS = 1_000

const HAND_BACK_MS = 5_000
const MAX_HAND_BACKS = 20

export interface PollLoopOptions {
  readonly link: Pick<ServerLink, 'poll' | 'handBack'>
  readonly concurrency: number
  readonly running: RunningExecutions
  readonly stateOf: (target: string) => TargetState
  readonly log: Logger
  /** Ends the loop. */
  readonly signal: AbortSignal
  /** False: keep in touch, take nothing. */
  readonly mayLease: () => boolean
  /** Never rejects. */
  readonly handle: (lease: Lease, answer: PollAnswer, stop: AbortSignal) => Promise<void>
}

/** Holds one poll open at a time, also when there is no room for more work: cancels come with it. Resolves once the signal is aborted. */
export async function runPollLoop(options: PollLoopOptions): Promise<void> {
  const { link, concurrency, log, running, signal } = options
  let roomMade = new AbortController()
  let failures = 0
  let isInTouch: boolean | undefined
  let lastFailure: string | undefined

  function free(): number {
    return options.mayLease() ? concurrency - running.size : 0
  }

  function take(lease: Lease, answer: PollAnswer): void {
    const id = lease.execution_id
    log.info({ execution: id }, 'leased')
    void options.handle(lease, answer, running.begin(id)).finally(() => {
      const wasFull = free() <= 0
      running.end(id)
      if (wasFull) roomMade.abort()
    })
  }

  /** Takes what there is room for; the number taken. */
  function takeAll(answer: PollAnswer): number {
    const surplus: Lease[] = []
    let taken = 0
    for (const lease of answer.leases) {
      // One execution is never at work twice, whatever the server sends.
      if (running.has(lease.execution_id)) continue
      if (free() <= 0) surplus.push(lease)
      else {
        take(lease, answer)
        taken += 1
      }
    }
    if (answer.dropped > 0)
      log.warn({ leases: answer.dropped }, 'leases that do not have the form of a lease are dropped')
    if (surplus.length > 0) {
      log.warn({ leases: surplus.length }, 'leases beyond the free capacity are handed back')
      void handBack(surplus.slice(0, MAX_HAND_BACKS))
    }
    return taken
  }

  /** Tells each execution once; how many were news. */
  function cancelAll({ cancels }: PollAnswer): number {
    const news = cancels.filter(({ execution_id, reason }) => {
      const message = reason === null ? 'Cancelled on request.' : `Cancelled on request: ${reason}`
      return running.cancel(execution_id, { code: 'cancelled', message })
    })
    for (const { execution_id } of news)
      log.info({ execution: execution_id }, running.has(execution_id) ? 'cancelled' : 'cancelled after its end')
    return news.length
  }

  /** What is not handed back is queued again by the server, ten seconds later. */
  async function handBack(leases: readonly Lease[]): Promise<void> {
    for (const lease of leases) await link.handBack(lease, AbortSignal.timeout(HAND_BACK_MS)).catch(() => {})
  }

  while (!signal.aborted) {
    const capacity = free()
    roomMade = new AbortController()
    // A poll that said "full" is ended when there is room again: no lease can be lost with its answer.
    const room = capacity <= 0 ? [roomMade.signal] : []
    const isGreeting = !isInTouch
    const startedAt = performance.now()
    try {
      const answer = await link.poll(
        { freeCapacity: Math.max(0, capacity), cancelling: running.cancelling(), stateOf: options.stateOf, isGreeting },
        AbortSignal.any([signal, AbortSignal.timeout(POLL_TIMEOUT_MS), ...room]),
      )
      if (signal.aborted) return await handBack(answer.leases.slice(0, MAX_HAND_BACKS))
      const news = takeAll(answer) + cancelAll(answer)
      if (!isInTouch) log.info(isInTouch === false ? 'in touch with the server again' : 'in touch with the server')
      isInTouch = true
      // What was taken is started before more is asked for.
      if (news > 0) await setImmediate()
      const wasHeld = isGreeting || news > 0 || performance.now() - startedAt >= HELD_MS
      failures = wasHeld ? 0 : failures + 1
    } catch (error) {
      if (signal.aborted) return
      if (roomMade.signal.aborted && room.length > 0) continue
      const failure = describeFailure(error)
      if (isInTouch !== false || failure.code !== lastFailure)
        log.error(failure, 'the server cannot be asked for work; trying again')
      lastFailure = failure.code
      isInTouch = false
      failures += 1
    }
    if (failures > 0) await sleep(backoffDelay(failures - 1, Math.random()), signal)
  }
}
