import { randomUUID } from 'node:crypto'
import { AppError } from './app-error.ts'
import { type Endpoint, type EndpointInput, type EndpointResponse, endpointPath } from './endpoint.ts'
import { fromProblem, problemSchema } from './problem.ts'

export interface ClientOptions {
  /** `https://twinlock.example.com`; whether it may be used is for `transportVerdict` to say. */
  readonly baseUrl: string
  readonly token?: string
  /** `twinlock-cli/0.1.0` */
  readonly userAgent: string
  readonly fetch?: typeof fetch
}

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Made up for each call where the endpoint takes one and none is given. */
  readonly idempotencyKey?: string
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
  rawBody?: Uint8Array<ArrayBuffer>
}

export function createClient(options: ClientOptions): Client {
  const send = options.fetch ?? fetch

  async function request(endpoint: Endpoint, input: AnyInput, call: CallOptions): Promise<Response> {
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
    let response: Response
    try {
      // A redirect would carry the token to wherever it points.
      response = await send(url, {
        method: endpoint.method,
        headers,
        redirect: 'error',
        ...(body === undefined ? {} : { body }),
        ...(call.signal ? { signal: call.signal } : {}),
      })
    } catch (error) {
      if (call.signal?.aborted) throw error
      throw new AppError(
        'server_unreachable',
        { detail: `${url.origin} cannot be reached: ${networkReason(error)}` },
        error,
      )
    }
    if (!response.ok) throw await toError(response, url)
    return response
  }

  return {
    async call(endpoint, input, call = {}) {
      const response = await request(endpoint, input as AnyInput, call)
      const parsed = endpoint.response?.safeParse(await readJson(response, call.signal))
      if (!parsed?.success) throw unexpected(response.url)
      return parsed.data as EndpointResponse<typeof endpoint>
    },
    async stream(endpoint, input, call = {}) {
      const response = await request(endpoint, input as AnyInput, call)
      if (!response.body) throw unexpected(response.url)
      return response.body
    },
  }
}

async function readJson(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    return await response.json()
  } catch (error) {
    if (signal?.aborted) throw error
    if (error instanceof SyntaxError) throw unexpected(response.url)
    throw new AppError('server_unreachable', { detail: `the answer broke off: ${networkReason(error)}` }, error)
  }
}

async function toError(response: Response, url: URL): Promise<AppError> {
  const parsed = problemSchema.safeParse(await response.json().catch(() => undefined))
  return parsed.success ? fromProblem(parsed.data) : unexpected(url.href, response.status)
}

function unexpected(url: string, status?: number): AppError {
  return new AppError('unexpected_answer', {
    detail: `${new URL(url).origin} answered${status ? ` ${status}` : ''}, but not as a Twinlock server does`,
  })
}

function networkReason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message
  return cause instanceof Error ? cause.message : 'unknown reason'
}
