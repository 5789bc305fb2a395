import { randomUUID } from 'node:crypto'
import { AppError } from './app-error.ts'
import { type Endpoint, type EndpointInput, type EndpointResponse, endpointPath } from './endpoint.ts'
import { fromProblem, problemSchema } from './problem.ts'
import { createTransport, type Transport, type TransportAnswer, type TransportOptions } from './transport.ts'
import { explainTransportFailure } from './transport-problem.ts'

export interface ClientOptions {
  /** `https://twinlock.example.com`; whether it may be used is for `transportVerdict` to say. */
  readonly baseUrl: string
  readonly token?: string
  /** `twinlock-cli/0.1.0` */
  readonly userAgent: string
  /** Whom to trust and which way to take. */
  readonly network?: TransportOptions
  /** Around, or in place of, the one made from `network`. */
  readonly transport?: (inner: Transport) => Transport
}

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Made up for each call where the endpoint takes one and none is given. */
  readonly idempotencyKey?: string
  /** Called once the request is on its way: whoever has other work to do lets it out first. */
  readonly onSent?: () => void
}

/** The typed HTTP client. Every failure is an `AppError`; `server_unreachable` and `unexpected_answer` are its own. */
export interface Client {
  call<E extends Endpoint>(endpoint: E, input: EndpointInput<E>, options?: CallOptions): Promise<EndpointResponse<E>>
  /** The bytes of a streaming endpoint, as they arrive. */
  stream<E extends Endpoint>(
    endpoint: E,
    input: EndpointInput<E>,
    options?: CallOptions,
  ): Promise<AsyncIterable<Uint8Array>>
}

type AnyInput = {
  params?: Record<string, unknown>
  query?: Record<string, unknown>
  body?: unknown
  rawBody?: Uint8Array
}

export function createClient(options: ClientOptions): Client {
  const { network } = options
  const direct = createTransport(network)
  const send = options.transport?.(direct) ?? direct

  async function request(endpoint: Endpoint, input: AnyInput, call: CallOptions): Promise<TransportAnswer> {
    const url = new URL(endpointPath(endpoint, input.params), options.baseUrl)
    for (const [name, value] of Object.entries(input.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const headers: Record<string, string> = {
      accept: endpoint.response ? 'application/json' : 'application/x-ndjson',
      'user-agent': options.userAgent,
    }
    if (options.token) headers.authorization = `Bearer ${options.token}`
    if (endpoint.idempotent) headers['idempotency-key'] = call.idempotencyKey ?? randomUUID()
    if (endpoint.body) headers['content-type'] = 'application/json'
    if (endpoint.rawBody) headers['content-type'] = 'application/octet-stream'
    const body = endpoint.body ? JSON.stringify(input.body) : input.rawBody
    let answer: TransportAnswer
    try {
      answer = await send(url, {
        method: endpoint.method,
        headers,
        ...(body === undefined ? {} : { body }),
        ...(call.signal ? { signal: call.signal } : {}),
        ...(call.onSent ? { onSent: call.onSent } : {}),
      })
    } catch (error) {
      if (call.signal?.aborted) throw error
      const { why, hint } = explainTransportFailure(error, url, network)
      throw new AppError(
        'server_unreachable',
        { detail: `${url.origin} cannot be reached: ${why}`, ...(hint ? { hint } : {}) },
        error,
      )
    }
    if (answer.status < 200 || answer.status > 299) throw await toError(answer, url.origin)
    return answer
  }

  return {
    async call(endpoint, input, call = {}) {
      const answer = await request(endpoint, input as AnyInput, call)
      const parsed = endpoint.response?.safeParse(await readJson(answer, options.baseUrl, call.signal))
      if (!parsed?.success) throw unexpected(options.baseUrl)
      return parsed.data as EndpointResponse<typeof endpoint>
    },
    async stream(endpoint, input, call = {}) {
      return (await request(endpoint, input as AnyInput, call)).body
    },
  }
}

async function readJson(answer: TransportAnswer, url: string, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    return await jsonOf(answer)
  } catch (error) {
    if (signal?.aborted) throw error
    if (error instanceof SyntaxError) throw unexpected(url)
    const reason = error instanceof Error ? error.message : 'unknown reason'
    throw new AppError('server_unreachable', { detail: `the answer broke off: ${reason}` }, error)
  }
}

async function jsonOf({ body }: TransportAnswer): Promise<unknown> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return JSON.parse(Buffer.concat(parts).toString('utf8'))
}

async function toError(answer: TransportAnswer, origin: string): Promise<AppError> {
  const parsed = problemSchema.safeParse(await jsonOf(answer).catch(() => undefined))
  return parsed.success ? fromProblem(parsed.data) : unexpected(origin, answer.status)
}

function unexpected(url: string, status?: number): AppError {
  return new AppError('unexpected_answer', {
    detail: `${new URL(url).origin} answered${status ? ` ${status}` : ''}, but not as a Twinlock server does`,
  })
}
