import type { TargetState } from '@twinlock/contract'
import type { Logger } from 'pino'
import { backoffDelay, sleep } from './backoff.ts'
import { DriverError, type TargetDriver } from './drivers/driver.ts'
import { describeFailure } from './retry.ts'

export interface TargetWatch {
  /** Looks at every target now and then, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>
  state(target: string): TargetState
  /** Resolves when every target was looked at once, or after `ms`. */
  firstLook(ms: number): Promise<void>
  /**
   * Lets an execution go to the target, or says why not; it waits a moment for the first look. While a target does not
   * answer, one execution at a time may try: the others must not wait in the places of those on other targets.
   */
  admit(target: string, stop: AbortSignal): Promise<Admission>
  /** Something went wrong with the target: it is looked at again soon. */
  doubt(target: string): void
}

/** Disposed of when the execution has ended. */
export interface Admission extends Disposable {
  readonly refusal: DriverError | undefined
}

export interface TargetWatchOptions {
  readonly drivers: ReadonlyMap<string, Pick<TargetDriver, 'check'>>
  readonly log: Logger
  readonly everyMs?: number
}

const EVERY_MS = 30_000
const MIN_MS = 1_000
const FIRST_LOOK_MS = 2_000
const UNKNOWN: TargetState = { status: 'unknown', server_version: null, code: null }
/** The agent could reach it, and does not serve it. */
const REFUSALS: ReadonlySet<string> = new Set(['pooler_detected', 'dialect_mismatch'])

interface Watched {
  state: TargetState
  failure: DriverError | undefined
  /** An execution that tries, although the target does not answer. */
  isTried: boolean
  readonly looked: PromiseWithResolvers<void>
  doubted: AbortController
}

/** Each target has a loop of its own: one that cannot be reached holds up no other. */
export function createTargetWatch({ drivers, log, everyMs = EVERY_MS }: TargetWatchOptions): TargetWatch {
  const watched = new Map(
    [...drivers.keys()].map((name): [string, Watched] => [
      name,
      {
        state: UNKNOWN,
        failure: undefined,
        isTried: false,
        looked: Promise.withResolvers(),
        doubted: new AbortController(),
      },
    ]),
  )

  async function look(name: string, target: Watched, signal: AbortSignal): Promise<void> {
    let failure: DriverError | undefined
    let serverVersion: string | null = null
    try {
      const facts = await drivers.get(name)?.check(signal)
      serverVersion = facts?.serverVersion.slice(0, 200) ?? null
    } catch (error) {
      if (signal.aborted) return
      failure =
        error instanceof DriverError ? error : new DriverError('connection_failed', describeFailure(error).reason)
    }
    const isRefused = failure !== undefined && REFUSALS.has(failure.code)
    const state: TargetState =
      failure === undefined
        ? { status: 'ok', server_version: serverVersion, code: null }
        : {
            status: isRefused ? 'refused' : 'unreachable',
            server_version: target.state.server_version,
            code: isRefused ? failure.code : 'connection_failed',
          }
    if (state.status !== target.state.status || state.code !== target.state.code) tell(name, state, failure)
    Object.assign(target, { state, failure })
    target.looked.resolve()
  }

  function tell(target: string, { status, server_version, code }: TargetState, failure: DriverError | undefined): void {
    const facts = { target, code, reason: failure?.message, remedy: failure?.hint }
    if (status === 'ok') log.info({ target, server_version }, 'the database answers')
    else if (status === 'refused') log.error(facts, 'the target is refused; nothing is run on it')
    else log.warn(facts, 'the database cannot be reached; trying again')
  }

  async function watch(name: string, target: Watched, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      target.doubted = new AbortController()
      await look(name, target, signal)
      failures = target.state.status === 'unreachable' ? failures + 1 : 0
      await sleep(Math.min(MIN_MS, everyMs), signal)
      const waitMs =
        failures > 0 ? backoffDelay(failures, Math.random(), everyMs) : everyMs * (0.75 + Math.random() / 2)
      await sleep(waitMs, AbortSignal.any([signal, target.doubted.signal]))
    }
  }

  return {
    run: async (signal) => void (await Promise.all([...watched].map(([name, target]) => watch(name, target, signal)))),
    state: (name) => watched.get(name)?.state ?? UNKNOWN,
    async firstLook(ms) {
      const over = new AbortController()
      await Promise.race([
        Promise.all([...watched.values()].map(({ looked }) => looked.promise)),
        sleep(ms, over.signal),
      ])
      over.abort()
    },
    async admit(name, stop) {
      const target = watched.get(name)
      if (!target) return admission()
      if (target.state.status === 'unknown') await firstLookOrStop(target, stop)
      if (target.state.status === 'refused') return admission(target.failure)
      if (target.state.status === 'ok') return admission()
      if (target.isTried) return admission(target.failure ?? silent())
      target.isTried = true
      return admission(undefined, () => {
        target.isTried = false
      })
    },
    doubt: (name) => watched.get(name)?.doubted.abort(),
  }
}

async function firstLookOrStop({ looked }: Watched, stop: AbortSignal): Promise<void> {
  const over = new AbortController()
  await Promise.race([looked.promise, sleep(FIRST_LOOK_MS, AbortSignal.any([stop, over.signal]))])
  over.abort()
}

function silent(): DriverError {
  return new DriverError('connection_failed', 'The database has not answered since the agent started.')
}

function admission(refusal?: DriverError, end = () => {}): Admission {
  return { refusal, [Symbol.dispose]: end }
}
