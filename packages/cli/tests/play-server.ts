import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ALL_ENDPOINTS, API_BASE, AppError, type Endpoint, type EndpointResponse, toProblem } from '@twinlock/contract'

interface Call {
  readonly endpoint: Endpoint
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: unknown
  readonly authorization: string | undefined
}

/** An answer that fits the endpoint it is for, or else the test fails: what is played cannot drift from the contract. */
type Answer =
  | { readonly json: unknown }
  /** An open stream never ends. */
  | { readonly stream: Iterable<string | Uint8Array>; readonly open?: true }
  | AppError
  | 'hang'
type Handler = (call: Call, times: number) => Answer | Promise<Answer>

export interface PlayServer extends AsyncDisposable {
  readonly url: string
  readonly calls: readonly Call[]
  play<E extends Endpoint>(
    endpoint: E,
    handler: (call: Call, times: number) => EndpointResponse<NoInfer<E>> | AppError | 'hang',
  ): void
  /** An answer that comes when it comes; until then the call hangs. */
  playLater<E extends Endpoint>(endpoint: E, answer: Promise<EndpointResponse<NoInfer<E>>>): void
  playStream(endpoint: Endpoint, handler: Handler): void
  /** Resolves at the next call of this endpoint. */
  called(endpoint: Endpoint): Promise<void>
}

export async function startPlayServer(): Promise<PlayServer> {
  const handlers = new Map<string, Handler>()
  const calls: Call[] = []
  const waiting = new Map<string, () => void>()
  const server = createServer(async (request, response) => {
    const call = await readCall(request)
    const handler = call && handlers.get(call.endpoint.name)
    if (!call || !handler) {
      response.writeHead(500).end(`nothing is played for ${request.method} ${request.url}`)
      return
    }
    calls.push(call)
    waiting.get(call.endpoint.name)?.()
    const answer = await handler(call, calls.filter(({ endpoint }) => endpoint === call.endpoint).length)
    if (answer === 'hang') return
    if (answer instanceof AppError) {
      const problem = toProblem(answer)
      response.writeHead(problem.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
    } else if ('json' in answer) {
      const body = JSON.stringify(call.endpoint.response?.parse(answer.json))
      response.writeHead(call.endpoint.status ?? 200, { 'content-type': 'application/json' }).end(body)
    } else {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      const closed = once(response, 'close')
      for (const part of answer.stream)
        if (!response.write(part)) await Promise.race([once(response, 'drain').catch(() => {}), closed])
      if (!answer.open) response.end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    play(endpoint, handler) {
      handlers.set(endpoint.name, (call, times) => {
        const answer: unknown = handler(call, times)
        return answer instanceof AppError || answer === 'hang' ? answer : { json: answer }
      })
    },
    playLater: (endpoint, answer) =>
      void handlers.set(endpoint.name, async () => ({ json: (await answer) as unknown })),
    playStream: (endpoint, handler) => void handlers.set(endpoint.name, handler),
    called: (endpoint) => new Promise((resolve) => waiting.set(endpoint.name, resolve)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function readCall(request: IncomingMessage): Promise<Call | undefined> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  for (const endpoint of ALL_ENDPOINTS) {
    const path = (endpoint.base === false ? '' : API_BASE) + endpoint.path
    const match = new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`).exec(url.pathname)
    if (!match || endpoint.method !== request.method) continue
    let text = ''
    for await (const chunk of request) text += chunk
    // What the command line sends is held to the contract, too.
    const body = endpoint.body ? endpoint.body.parse(JSON.parse(text)) : undefined
    endpoint.query?.parse(Object.fromEntries(url.searchParams))
    const { authorization } = request.headers
    return { endpoint, params: { ...match.groups }, query: url.searchParams, body, authorization }
  }
  return undefined
}
