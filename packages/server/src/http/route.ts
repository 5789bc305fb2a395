import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import {
  API_BASE,
  AppError,
  api,
  can,
  type Endpoint,
  type EndpointCall,
  type EndpointResponse,
} from '@twinlock/contract'
import { digestOf } from '@twinlock/evidence'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { appendAudit } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import { type Idempotency, recallAnswer } from '../idempotency/idempotency.ts'
import { authenticate } from '../identity/authenticate.ts'
import { type AgentCaller, actorOf, type Caller, type UserCaller } from '../identity/caller.ts'
import { TOKEN_ENDED } from '../identity/open-calls.ts'

type CallerOf<E extends Endpoint> = E['access'] extends 'public'
  ? unknown
  : E['access'] extends 'agent'
    ? { readonly agent: AgentCaller }
    : { readonly user: UserCaller }

/** What a handler gets: validated input, the caller the endpoint asks for, and a signal that aborts when the client goes away. */
export type Call<E extends Endpoint> = EndpointCall<E> & CallerOf<E> & { readonly signal: AbortSignal }

/** Serves an endpoint: authentication, permission, validation and errors come from its value. */
export function route<E extends Endpoint>(
  app: FastifyInstance,
  ctx: Context,
  endpoint: E,
  handle: (call: NoInfer<Call<E>>) => Promise<EndpointResponse<NoInfer<E>>>,
): void {
  register(app, ctx, endpoint, async (call, _request, reply) => {
    const body = await handle(call as Call<E>)
    assertNotEnded(call as Call<E>)
    return reply.status(endpoint.status ?? 200).send(body)
  })
}

/** Serves an endpoint that streams NDJSON. */
export function streamRoute<E extends Endpoint>(
  app: FastifyInstance,
  ctx: Context,
  endpoint: E,
  handle: (call: NoInfer<Call<E>>) => Promise<Readable>,
): void {
  register(app, ctx, endpoint, async (call, request, reply) => {
    const accept = request.headers.accept ?? '*/*'
    if (!/application\/(x-ndjson|\*)|\*\/\*/.test(accept)) throw new AppError('not_acceptable')
    const { signal } = call as Call<E>
    const stream = await handle(call as Call<E>)
    const cutOff = () => signal.reason === TOKEN_ENDED && stream.destroy()
    signal.addEventListener('abort', cutOff, { once: true })
    assertNotEnded({ signal })
    return reply.type('application/x-ndjson').header('cache-control', 'no-store').send(stream)
  })
}

/** What a call made: an id, and what only the first answer may show. */
type Made = { readonly id: string; readonly secret?: string }

/**
 * Serves an endpoint that may be repeated with one `Idempotency-Key`: `run` makes the change and remembers the key with
 * it, `view` renders what was made, also for a repeated call (200 instead of 201). Concurrent twins wait for the first;
 * an error is not remembered.
 */
export function idempotentRoute<E extends Endpoint & { readonly idempotent: true }>(
  app: FastifyInstance,
  ctx: Context,
  endpoint: E,
  handlers: {
    run: (
      call: NoInfer<Call<E>> & { readonly user: UserCaller; readonly idempotency: Idempotency | undefined },
    ) => Promise<Made>
    view: (call: NoInfer<Call<E>> & { readonly user: UserCaller }, made: Made) => Promise<EndpointResponse<NoInfer<E>>>
  },
): void {
  const underWay = new Map<string, Promise<unknown>>()
  register(app, ctx, endpoint, async (untyped, request, reply) => {
    const call = untyped as Call<E> & { user: UserCaller }
    const idempotency = readIdempotency(endpoint, call.user, request)
    const respond = async (made: Made, status: number) => {
      // Whom the change woke, an agent perhaps, goes first.
      await setImmediate()
      return reply.status(status).send(await handlers.view(call, made))
    }
    if (!idempotency) return respond(await handlers.run({ ...call, idempotency }), endpoint.status ?? 200)

    const twin = `${idempotency.actor} ${idempotency.key}`
    while (underWay.has(twin)) await underWay.get(twin)
    const earlier = recallAnswer(ctx, idempotency)
    const run = earlier.then((made) => made ?? handlers.run({ ...call, idempotency }))
    underWay.set(
      twin,
      run.catch(() => {}).finally(() => underWay.delete(twin)),
    )
    const made = await run
    return respond(made, (await earlier) ? 200 : (endpoint.status ?? 200))
  })
}

function readIdempotency(endpoint: Endpoint, user: UserCaller, request: FastifyRequest): Idempotency | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(key))
    throw new AppError('invalid_request', { detail: 'Idempotency-Key must be 1 to 200 visible ASCII characters' })
  const whole = JSON.stringify([request.method, request.url, request.body])
  return { actor: user.id, endpoint: endpoint.name, key, fingerprint: digestOf(Buffer.from(whole)) }
}

type Handler = (call: unknown, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** Without a body of their own, endpoints take little. */
const SMALL_BODY = 64 * 1024

/** What ends something, or says that it is still going on; nothing of this begins anything. */
const SERVED_WHILE_STOPPING: ReadonlySet<string> = new Set(
  [
    api.system.health,
    api.system.ready,
    api.system.jwks,
    api.agents.heartbeat,
    api.agents.handBack,
    api.agents.chunk,
    api.agents.outcome,
  ].map(({ name }) => name),
)

const callers = new WeakMap<FastifyRequest, { caller: Caller | undefined; gone: AbortController }>()

/** Who made a call; undefined while, and where, nobody knows. */
export function callerOf(request: FastifyRequest): Caller | undefined {
  return callers.get(request)?.caller
}

function register(app: FastifyInstance, ctx: Context, endpoint: Endpoint, handler: Handler): void {
  const path = endpoint.path.replace(/\{(\w+)\}/g, ':$1')
  app.route({
    method: endpoint.method,
    url: endpoint.base === false ? path : API_BASE + path,
    bodyLimit: endpoint.rawBody?.maxBytes ?? endpoint.maxBodyBytes ?? SMALL_BODY,
    // Before the body is read: who may not call does not get to make the server parse.
    onRequest: async (request, reply) => {
      const gone = new AbortController()
      const leave = ctx.drain.enter(() => gone.abort())
      reply.raw.once('close', () => {
        leave()
        gone.abort()
      })
      if (ctx.drain.hasBegun && !SERVED_WHILE_STOPPING.has(endpoint.name))
        throw new AppError('not_ready', { detail: 'the server is stopping' })
      const caller = endpoint.access === 'public' ? undefined : await admit(ctx, endpoint, request, gone)
      callers.set(request, { caller, gone })
    },
    handler: async (request, reply) => {
      const known = callers.get(request)
      if (!known) throw new Error('a request reached its handler without having been authorised')
      const call = { ...validate(endpoint, request), ...callerPart(known.caller), signal: known.gone.signal }
      return handler(call, request, reply)
    },
  })
}

/** Lets a caller in, and sees to it that the call ends with the token: also one that ended while it was looked up. */
async function admit(
  ctx: Context,
  endpoint: Endpoint,
  request: FastifyRequest,
  call: AbortController,
): Promise<Caller> {
  while (true) {
    const generation = ctx.openCalls.generation()
    const caller = await authorize(ctx, endpoint, request)
    if (generation !== ctx.openCalls.generation()) continue
    const leave = ctx.openCalls.add(caller.tokenId, call)
    call.signal.addEventListener('abort', leave, { once: true })
    if (call.signal.aborted) leave()
    return caller
  }
}

/** Whoever has lost their token while a call was held gets what their next call gets. */
function assertNotEnded({ signal }: { readonly signal: AbortSignal }): void {
  if (signal.reason === TOKEN_ENDED) throw new AppError('unauthenticated')
}

async function authorize(ctx: Context, endpoint: Endpoint, request: FastifyRequest): Promise<Caller> {
  const caller = await authenticate(ctx, request.headers.authorization)
  if (endpoint.access === 'agent' ? caller.type === 'agent' : isPermitted(caller, endpoint)) return caller
  if (caller.type === 'user') {
    // Refused attempts are part of the record: who tried what.
    await ctx.db.transact((tx) =>
      appendAudit(ctx, tx, {
        type: 'access.denied',
        actor: actorOf(caller),
        subject: null,
        data: { endpoint: endpoint.name, code: 'permission_denied' },
      }),
    )
  }
  throw new AppError('permission_denied')
}

function isPermitted(caller: Caller, endpoint: Endpoint): boolean {
  const { access } = endpoint
  return caller.type === 'user' && access !== 'public' && access !== 'agent' && can(caller.roles, access)
}

function callerPart(caller: Caller | undefined) {
  if (!caller) return {}
  return caller.type === 'user' ? { user: caller } : { agent: caller }
}

function validate(endpoint: Endpoint, request: FastifyRequest): Record<string, unknown> {
  const problems: { path: string; message: string }[] = []
  const input: Record<string, unknown> = {}
  const read = (name: 'params' | 'query' | 'body', schema: z.ZodType | undefined, value: unknown) => {
    if (!schema) return
    const parsed = schema.safeParse(value)
    if (parsed.success) input[name] = parsed.data
    else
      for (const issue of parsed.error.issues)
        problems.push({ path: [name, ...issue.path].map(String).join('.'), message: issue.message.slice(0, 300) })
  }
  read('params', endpoint.params, request.params)
  read('query', endpoint.query, request.query)
  read('body', endpoint.body, request.body)
  if (endpoint.rawBody) {
    if (!Buffer.isBuffer(request.body))
      throw new AppError('unsupported_media_type', { hint: 'Send application/octet-stream.' })
    input.rawBody = request.body
  }
  if (problems.length > 0) {
    const [first] = problems
    throw new AppError('invalid_request', {
      detail: `${first?.path}: ${first?.message}`,
      errors: problems.slice(0, 20),
    })
  }
  return input
}
