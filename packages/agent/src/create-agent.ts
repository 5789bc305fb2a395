import { randomBytes } from 'node:crypto'
import type { WorkOrder } from '@twinlock/evidence'
import { type Analyzer, createAnalyzer } from '@twinlock/sql'
import { type Logger, pino } from 'pino'
import { acquireServerKey } from './acquire-server-key.ts'
import { sleep } from './backoff.ts'
import { type Clock, systemClock } from './clock.ts'
import { type AgentConfig, type AgentSecrets, targetName } from './config.ts'
import type { TargetDriver } from './drivers/driver.ts'
import { createPostgresDriver } from './drivers/postgres.ts'
import { handleLease, type LeaseContext } from './handle-lease.ts'
import { openJournal } from './journal.ts'
import { type KillPoints, NO_KILL_POINTS } from './kill-points.ts'
import { runPollLoop } from './poll-loop.ts'
import { recover } from './recover.ts'
import { createReports } from './report-outcome.ts'
import { describeFailure } from './retry.ts'
import { createRunningExecutions } from './running-executions.ts'
import { createSameIdWatch } from './same-id-watch.ts'
import { ServerPin } from './server-key.ts'
import { createServerLink } from './server-link.ts'
import { clearSpill } from './spill-file.ts'
import { createTargetWatch } from './target-watch.ts'

/** For tests; the agent in production has none of them. */
export interface AgentOverrides {
  readonly clock?: Clock
  readonly killPoints?: KillPoints
  /** By target, `app/production`. */
  readonly drivers?: ReadonlyMap<string, TargetDriver>
  readonly log?: Logger
  readonly heartbeatMs?: number
  /** How often a target is looked at. */
  readonly watchTargetsMs?: number
  /** How long it is reported that nothing ran. */
  readonly giveUpReportMs?: number
}

export interface StopOptions {
  /** How long running executions may go on; then they are cancelled and rolled back. `drain_timeout` by default. */
  readonly drainMs?: number
}

export interface Agent extends AsyncDisposable {
  readonly agentId: string
  readonly journalId: string
  /** Begins to recover and to lease; returns at once. */
  start(): void
  /** Leases nothing more, lets running executions end, and says so to the server. */
  stop(options?: StopOptions): Promise<void>
}

/** After a cancel the statements fail within moments, and their outcomes are to be written down and told. */
const AFTER_CANCEL_MS = 3_000
const FIRST_LOOK_MS = 1_000

/** Opens the state directory. Throws StartError when this agent must not run. */
export async function createAgent(
  config: AgentConfig,
  secrets: AgentSecrets,
  overrides: AgentOverrides = {},
): Promise<Agent> {
  const { clock = systemClock, killPoints = NO_KILL_POINTS, log = pino({ name: 'twinlock-agent' }) } = overrides
  const journal = await openJournal({
    stateDir: config.stateDir,
    now: () => clock.now(),
    random: randomBytes,
    onFailure: (error) =>
      log.fatal(
        { code: (error as NodeJS.ErrnoException).code, state_dir: config.stateDir },
        'the journal cannot be written and nothing is leased any more: make room on the disk and restart the agent',
      ),
  })
  const pin = await openState(config).catch(async (error: unknown) => {
    await journal[Symbol.asyncDispose]()
    throw error
  })
  const link = createServerLink({ config, secrets, clock, journalId: journal.id })
  const drivers = createDrivers(config, secrets, overrides.drivers)
  const watch = createTargetWatch({
    drivers,
    log,
    ...(overrides.watchTargetsMs === undefined ? {} : { everyMs: overrides.watchTargetsMs }),
  })
  const analyzers = createAnalyzers()
  const leasing = new AbortController()
  const working = new AbortController()
  const running = createRunningExecutions()
  const background = new Set<Promise<void>>()
  let stopping: Promise<void> | undefined

  const ctx: LeaseContext = {
    config,
    link,
    journal,
    clock,
    killPoints,
    log,
    signal: working.signal,
    driverOf: (target) => drivers.get(target),
    analyze: (order, text) => analyzers.analyze(order.dialect, text),
    rememberServerId: (serverId) => pin.rememberServerId(serverId),
    leasing: leasing.signal,
    watch,
    inBackground,
    reports: createReports(overrides.giveUpReportMs),
    onVerdict: createSameIdWatch(config.agentId, log),
    ...pick(overrides, 'heartbeatMs'),
  }

  function inBackground(work: Promise<void>): Promise<void> {
    const tracked = work
      .catch((error: unknown) => log.error(describeFailure(error), 'the agent failed'))
      .finally(() => background.delete(tracked))
    background.add(tracked)
    return tracked
  }

  async function lease(): Promise<void> {
    const pinned = await acquireServerKey(pin, link, config.server.keyFingerprint, { log, signal: leasing.signal })
    if (!pinned) return
    // The first poll tells what became of the targets, unless that takes long.
    await watch.firstLook(FIRST_LOOK_MS)
    await runPollLoop({
      link,
      log,
      concurrency: config.concurrency,
      running,
      stateOf: watch.state,
      signal: leasing.signal,
      mayLease: () => journal.isSound,
      handle: (leased, answer, stop) => inBackground(handleLease(ctx, leased, answer, pin.pinned ?? pinned, stop)),
    })
  }

  async function stop({ drainMs = config.drainMs }: StopOptions): Promise<void> {
    leasing.abort()
    await settle(background, drainMs)
    if (running.size > 0) {
      log.warn({ executions: running.size }, 'running executions are cancelled because the agent stops')
      running.stopAll({
        code: 'agent_stopping',
        message: `The agent was stopped, and the execution did not end within ${drainMs / 1000} s.`,
      })
      await settle(background, AFTER_CANCEL_MS)
    }
    working.abort()
    await settle(background, AFTER_CANCEL_MS)
    await Promise.allSettled([...drivers.values()].map((driver) => driver[Symbol.asyncDispose]()))
    await analyzers[Symbol.asyncDispose]()
    await journal[Symbol.asyncDispose]()
  }

  const stopOnce = (options: StopOptions = {}): Promise<void> => (stopping ??= stop(options))

  return {
    agentId: config.agentId,
    journalId: journal.id,
    start() {
      log.info({ agent: config.agentId, journal: journal.id, targets: config.targets.map(targetName) }, 'agent starts')
      // The parser takes a while to load; the first order shall not wait for it.
      for (const dialect of new Set(config.targets.map((target) => target.dialect)))
        inBackground(analyzers.analyze(dialect, 'select 1').then(() => {}))
      // Not to be waited for when the agent stops: what is not settled by then is settled at the next start.
      inBackground(recover({ ...ctx, signal: leasing.signal }))
      inBackground(watch.run(leasing.signal))
      inBackground(lease())
    },
    stop: stopOnce,
    [Symbol.asyncDispose]: () => stopOnce({ drainMs: 0 }),
  }
}

async function openState({ stateDir, server }: AgentConfig): Promise<ServerPin> {
  await clearSpill(stateDir)
  return await ServerPin.load(stateDir, server.keyFingerprint)
}

/** Connections are made when they are needed: a database that is down stops neither the start nor other targets. */
function createDrivers(
  { targets }: AgentConfig,
  { databases }: AgentSecrets,
  given: ReadonlyMap<string, TargetDriver> = new Map(),
): Map<string, TargetDriver> {
  return new Map(
    targets.flatMap((target) => {
      const name = targetName(target)
      const urls = databases.get(name)
      const driver = given.get(name) ?? (urls && createPostgresDriver({ url: urls.url, readOnlyUrl: urls.urlReadOnly }))
      return driver ? [[name, driver] as const] : []
    }),
  )
}

function createAnalyzers() {
  const byDialect = new Map<WorkOrder['dialect'], Analyzer>()
  return {
    analyze(dialect: WorkOrder['dialect'], text: string) {
      const analyzer = byDialect.get(dialect) ?? createAnalyzer({ dialect })
      byDialect.set(dialect, analyzer)
      return analyzer.analyze(text)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...byDialect.values()].map((analyzer) => analyzer[Symbol.asyncDispose]()))
    },
  }
}

/** Waits until the set is empty, at most `ms`. */
async function settle(work: ReadonlySet<Promise<void>>, ms: number): Promise<void> {
  const over = new AbortController()
  const timer = sleep(ms, over.signal).then(() => over.abort())
  while (work.size > 0 && !over.signal.aborted) await Promise.race([Promise.all(work), timer])
  over.abort()
}

function pick<T extends object, K extends keyof T>(from: T, key: K): Partial<Pick<T, K>> {
  return from[key] === undefined ? {} : ({ [key]: from[key] } as Pick<T, K>)
}
