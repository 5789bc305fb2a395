import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { AppError, newId, type Problem, toProblem } from '@twinlock/contract'
import { createAnalyzer } from '@twinlock/sql'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import pino, { type Logger } from 'pino'
import { agentRoutes } from './agents/agent-routes.ts'
import { auditRoutes } from './audit/audit-routes.ts'
import { systemClock } from './clock.ts'
import type { ServerConfig, ServerSecrets } from './config.ts'
import { type Context, createContext, type Overrides } from './context.ts'
import { connectSqlite } from './db/connect.ts'
import { executionRoutes } from './executions/execution-routes.ts'
import { isWorkUnderWay } from './executions/read-executions.ts'
import { answerClientError } from './http/client-error.ts'
import { toErrorResponse } from './http/error-response.ts'
import { openapiRoute } from './http/openapi.ts'
import { callerOf } from './http/route.ts'
import { bootstrap } from './identity/bootstrap.ts'
import { actorText } from './identity/caller.ts'
import { identityRoutes } from './identity/identity-routes.ts'
import { flushLastUse } from './identity/last-use.ts'
import { tokenRoutes } from './identity/token-routes.ts'
import { userRoutes } from './identity/user-routes.ts'
import { countTransactions } from './metrics/count-transactions.ts'
import { NO_METRICS } from './metrics/metrics.ts'
import { listenForScrapes } from './metrics/metrics-listener.ts'
import { decideSubmission as decideByRules } from './policies/decide-submission.ts'
import { requestRoutes } from './requests/request-routes.ts'
import { prepareResults } from './results/prepare-results.ts'
import { readRecordedKey, readServerId, recordSigningKey } from './server-identity.ts'
import { loadSigningKey } from './signing-key.ts'
import { prepareStateDir } from './state-dir.ts'
import { lockStateDir } from './state-lock.ts'
import { startSweeper } from './sweep.ts'
import { systemRoutes } from './system/system-routes.ts'
import { watchWrites } from './system/write-watch.ts'
import { targetRoutes } from './targets/target-routes.ts'
import { VERSION } from './version.ts'

/** For a client to send a whole request: long enough for a slow line, too short to hold memory with. */
const REQUEST_TIMEOUT_MS = 30_000

/** A restart takes about as long. */
const RETRY_AFTER_S = 5

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

function createApp(ctx: Context): FastifyInstance {
  const calls = createCallIds(ctx.random)
  const app = Fastify({
    // What a client calls its call is not for our log.
    requestIdHeader: false,
    genReqId: calls,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: true,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) =>
      void sendProblem(reply as FastifyReply, toErrorResponse(ctx, error, request.id)),
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  app.setErrorHandler((error, request, reply) => sendProblem(reply, toErrorResponse(ctx, error, request.id)))
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, toProblem(new AppError('not_found'))))
  app.addHook('onSend', async (request, reply) => {
    void reply.header('x-call-id', request.id)
    if (ctx.drain.hasBegun) void reply.header('connection', 'close')
  })
  app.addHook('onResponse', async (request, reply) => {
    // The route's pattern, not its URL: neither queries nor bodies are for the log.
    const { url } = request.routeOptions
    const { method } = request
    const ms = reply.elapsedTime
    ctx.metrics.answered({ method, route: url, status: reply.statusCode, ms })
    ctx.logger[isRoutine(url) ? 'debug' : 'info'](
      {
        call_id: request.id,
        actor: actorText(callerOf(request)),
        method,
        route: url ?? null,
        status: reply.statusCode,
        ms: Math.round(ms),
      },
      'answered',
    )
  })
  systemRoutes(app, ctx)
  identityRoutes(app, ctx)
  userRoutes(app, ctx)
  tokenRoutes(app, ctx)
  requestRoutes(app, ctx)
  executionRoutes(app, ctx)
  agentRoutes(app, ctx)
  targetRoutes(app, ctx)
  auditRoutes(app, ctx)
  openapiRoute(app, VERSION)
  return app
}

/** Names for calls, for the log: of this process, counted. */
function createCallIds(random: Context['random']): () => string {
  const start = Buffer.from(random(6)).toString('hex')
  let count = 0
  return () => `call_${start}_${++count}`
}

/** What every agent says every few seconds would bury the rest. */
function isRoutine(route: string | undefined): boolean {
  return route !== undefined && /\/(poll|heartbeat|chunks\/:n|health|ready)$/.test(route)
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.code === 'not_ready') void reply.header('retry-after', RETRY_AFTER_S)
  return reply.status(problem.status).type('application/problem+json').send(problem)
}
