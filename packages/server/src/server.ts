import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { newId } from '@twinlock/contract'
import { createAnalyzer } from '@twinlock/sql'
import pino, { type Logger } from 'pino'
import { systemClock } from './clock.ts'
import type { ServerConfig, ServerSecrets } from './config.ts'
import { type Context, createContext, type Overrides } from './context.ts'
import { connectSqlite } from './db/connect.ts'
import { isWorkUnderWay } from './executions/read-executions.ts'
import { createApp } from './http/create-app.ts'
import { bootstrap } from './identity/bootstrap.ts'
import { flushLastUse } from './identity/last-use.ts'
import { countTransactions } from './metrics/count-transactions.ts'
import { NO_METRICS } from './metrics/metrics.ts'
import { listenForScrapes } from './metrics/metrics-listener.ts'
import { decideSubmission as decideByRules } from './policies/decide-submission.ts'
import { prepareResults } from './results/prepare-results.ts'
import { readRecordedKey, readServerId, recordSigningKey } from './server-identity.ts'
import { loadSigningKey } from './signing-key.ts'
import { prepareStateDir } from './state-dir.ts'
import { lockStateDir } from './state-lock.ts'
import { startSweeper } from './sweep.ts'
import { watchWrites } from './system/write-watch.ts'
import { VERSION } from './version.ts'

/** One may be busy with a hostile text while the other serves the rest. */
const ANALYZER_WORKERS = 2

export interface Server extends AsyncDisposable {
  readonly ctx: Context
  /** Files with the first administrator's and the first agent's token, if this start wrote them. */
  readonly bootstrapFiles: readonly string[]
  /** Where Prometheus may scrape, once it listens. */
  readonly metricsUrl: string | undefined
  /** Starts to listen; returns the URL. */
  listen(): Promise<string>
  /** Begins nothing new and waits, for a time, for what is under way; it still listens, to say so. */
  drain(): Promise<void>
}

/** A whole server on its own state. Tests give overrides; nothing else is put in place of the real thing. */
export async function createServer(
  config: ServerConfig,
  secrets: ServerSecrets,
  options: { overrides?: Overrides; logger?: Logger } = {},
): Promise<Server> {
  prepareStateDir(config.stateDir, process.getuid?.())
  prepareStateDir(config.results.dir, process.getuid?.())
  const { clock = systemClock, random = randomBytes, decideSubmission = decideByRules } = options.overrides ?? {}
  const logger = options.logger ?? pino({ level: config.logLevel })
  await using cleanup = new AsyncDisposableStack()
  cleanup.use(lockStateDir(config.stateDir))
  const store = cleanup.use(await connectSqlite(join(config.stateDir, 'twinlock.db')))
  const { db: watched, findProblem } = watchWrites(store, config.stateDir, clock)
  // Loaded only where somebody asked for it.
  const prometheus =
    config.metricsListen && (await import('./metrics/prometheus-metrics.ts')).createPrometheusMetrics(VERSION, clock)
  const db = prometheus ? countTransactions(watched, prometheus) : watched
  const signingKey = loadSigningKey(config, secrets, await readRecordedKey(db))
  const serverId = await readServerId(db, () => newId('srv', clock.now(), random))
  const postgresql = cleanup.use(createAnalyzer({ dialect: 'postgresql', workers: ANALYZER_WORKERS }))
  const analyzers = { postgresql, mysql: undefined, mariadb: undefined }
  const ctx = createContext({
    config,
    version: VERSION,
    serverId,
    signingKey,
    db,
    logger,
    metrics: prometheus ?? NO_METRICS,
    findWriteProblem: findProblem,
    analyzers,
    clock,
    random,
    decideSubmission,
  })
  if (await recordSigningKey(ctx))
    logger.warn(
      { fingerprint: signingKey.fingerprint },
      'the signing key is another than before; agents refuse it until they get new tokens',
    )
  await prepareResults(ctx)
  const bootstrapFiles = await bootstrap(ctx)
  const app = createApp(ctx)
  cleanup.defer(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  cleanup.defer(() =>
    flushLastUse(ctx, true).catch((error: unknown) =>
      logger.error({ err: error }, 'when tokens were last used could not be written down'),
    ),
  )
  cleanup.defer(startSweeper(ctx))
  const owned = cleanup.move()
  let metricsUrl: string | undefined
  return {
    ctx,
    bootstrapFiles,
    get metricsUrl() {
      return metricsUrl
    },
    async listen() {
      if (prometheus && config.metricsListen) {
        const listener = owned.use(await listenForScrapes(ctx, prometheus, config.metricsListen))
        metricsUrl = listener.url
      }
      await app.listen({ host: config.listen.host, port: config.listen.port })
      // The parser's first start takes a moment that nobody needs to wait for.
      void postgresql
        .analyze('select 1')
        .catch((error: unknown) => logger.error({ err: error }, 'the SQL parser does not start'))
      const { address, family, port } = app.server.address() as AddressInfo
      return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
    },
    drain: () => ctx.drain.run(config.drainTimeoutS * 1000, () => isWorkUnderWay(db.read, clock.now())),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
