import { AppError, type Problem, toProblem } from '@twinlock/contract'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { agentRoutes } from '../agents/agent-routes.ts'
import { auditRoutes } from '../audit/audit-routes.ts'
import type { Context } from '../context.ts'
import { executionRoutes } from '../executions/execution-routes.ts'
import { actorText } from '../identity/caller.ts'
import { identityRoutes } from '../identity/identity-routes.ts'
import { tokenRoutes } from '../identity/token-routes.ts'
import { userRoutes } from '../identity/user-routes.ts'
import { requestRoutes } from '../requests/request-routes.ts'
import { systemRoutes } from '../system/system-routes.ts'
import { targetRoutes } from '../targets/target-routes.ts'
import { VERSION } from '../version.ts'
import { answerClientError } from './client-error.ts'
import { toErrorResponse } from './error-response.ts'
import { openapiRoute } from './openapi.ts'
import { callerOf } from './route.ts'

/** For a client to send a whole request: long enough for a slow line, too short to hold memory with. */
const REQUEST_TIMEOUT_MS = 30_000

/** A restart takes about as long. */
const RETRY_AFTER_S = 5

/** The HTTP side of a server: every route, and one answer to every failure. */
export function createApp(ctx: Context): FastifyInstance {
  const app = Fastify({
    // What a client calls its call is not for our log.
    requestIdHeader: false,
    genReqId: () => newCallId(ctx.random),
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

/** Names a call in the log; it tells nobody how many there are. */
function newCallId(random: Context['random']): string {
  return `call_${Buffer.from(random(8)).toString('hex')}`
}

/** What every agent says every few seconds would bury the rest. */
function isRoutine(route: string | undefined): boolean {
  return route !== undefined && /\/(poll|heartbeat|chunks\/:n|health|ready)$/.test(route)
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.code === 'not_ready') void reply.header('retry-after', RETRY_AFTER_S)
  return reply.status(problem.status).type('application/problem+json').send(problem)
}
