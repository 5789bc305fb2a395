import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { api } from './api.ts'
import { AppError } from './app-error.ts'
import { type Client, type ClientOptions, createClient } from './client.ts'
import { ERROR_CODES } from './error-codes.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

interface Received {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server[Symbol.asyncDispose]()
})

/** A server that answers everything in one way and remembers what it was asked. */
async function serve(answer: Answer): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method, url, headers } = request
    received.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

const json =
  (status: number, body: unknown, type = 'application/json'): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': type }).end(typeof body === 'string' ? body : JSON.stringify(body))

const healthy = json(200, { status: 'ok' })

function clientOf(url: string, options: Partial<ClientOptions> = {}): Client {
  return createClient({ baseUrl: url, token: 'twl_user_secret', userAgent: 'twinlock-test/1', ...options })
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof AppError)) throw new Error('no AppError was thrown', { cause: error })
  return error
}

const health = (client: Client) => client.call(api.system.health, {})
const REQUEST = { database: 'app', environment: 'production', sql: 'select 1' }

describe('what is sent', () => {
  it('the token, who asks, and what is understood', async () => {
    const { url, received } = await serve(healthy)
    expect(await health(clientOf(url))).toEqual({ status: 'ok' })
    expect(received).toMatchObject([
      {
        method: 'GET',
        url: '/health',
        headers: {
          authorization: 'Bearer twl_user_secret',
          'user-agent': 'twinlock-test/1',
          accept: 'application/json',
        },
        body: '',
      },
    ])
    expect(received[0]?.headers).not.toHaveProperty('idempotency-key')
    expect(received[0]?.headers).not.toHaveProperty('content-type')
  })

  it('no authorization without a token', async () => {
    const { url, received } = await serve(healthy)
    await health(createClient({ baseUrl: url, userAgent: 'twinlock-test/1' }))
    expect(received[0]?.headers).not.toHaveProperty('authorization')
  })

  it('a body as JSON, byte for byte what SQL was given', async () => {
    const { url, received } = await serve(json(400, {}))
    const sql = "select '\u0000 ä 𝄞 \r\n \\ \u2028'"
    await failure(clientOf(url).call(api.requests.create, { body: { ...REQUEST, sql } }))
    expect(received[0]).toMatchObject({
      method: 'POST',
      url: '/api/v1/requests',
      headers: { 'content-type': 'application/json' },
    })
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({ ...REQUEST, sql })
  })

  it('bytes as they are', async () => {
    const { url, received } = await serve(json(200, {}))
    const params = { id: `exe_${'0'.repeat(26)}`, n: 3 }
    const call = { params, query: { lease_id: 'a b&c' }, rawBody: Buffer.from('{"rows":[]}\n') }
    expect(await clientOf(url).call(api.agents.chunk, call)).toEqual({})
    expect(received[0]).toMatchObject({
      method: 'PUT',
      url: `/api/v1/agent/executions/${params.id}/chunks/3?lease_id=a+b%26c`,
      headers: { 'content-type': 'application/octet-stream' },
      body: '{"rows":[]}\n',
    })
  })

  it('path parameters escaped, so that they stay one segment', async () => {
    const { url, received } = await serve(json(404, {}))
    await failure(clientOf(url).call(api.requests.get, { params: { id: '1/approve?x=1#y' }, query: { wait: 5 } }))
    expect(received[0]?.url).toBe('/api/v1/requests/1%2Fapprove%3Fx%3D1%23y?wait=5')
  })

  it('no parameter that is undefined', async () => {
    const { url, received } = await serve(json(404, {}))
    await failure(clientOf(url).call(api.requests.list, { query: { cursor: undefined, limit: 2 } }))
    expect(received[0]?.url).toBe('/api/v1/requests?limit=2')
  })

  it('an idempotency key with what takes one: the given, or a new one for each call', async () => {
    const { url, received } = await serve(json(404, {}))
    const client = clientOf(url)
    await failure(client.call(api.requests.create, { body: REQUEST }, { idempotencyKey: 'mine' }))
    await failure(client.call(api.requests.create, { body: REQUEST }))
    await failure(client.call(api.requests.create, { body: REQUEST }))
    await failure(client.call(api.requests.list, {}, { idempotencyKey: 'mine' }))
    const keys = received.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toEqual([
      'mine',
      expect.stringMatching(/^[0-9a-f-]{36}$/),
      expect.stringMatching(/^[0-9a-f-]{36}$/),
      undefined,
    ])
    expect(keys[1]).not.toBe(keys[2])
  })
})

describe('what comes back', () => {
  it('a problem document is the error it stands for', async () => {
    const problem = {
      type: 'urn:twinlock:error:not_an_approver',
      title: 'This step is not yours to decide',
      status: 403,
      code: 'not_an_approver',
      detail: 'step 1 is for role:admin',
      hint: 'The request shows who may approve it.',
      errors: [{ path: 'body.step', message: 'is 1' }],
      error_id: 'err_1',
    }
    const { url } = await serve(json(403, problem, 'application/problem+json'))
    expect(await failure(health(clientOf(url)))).toMatchObject({
      code: 'not_an_approver',
      message: 'step 1 is for role:admin',
      data: { hint: problem.hint, errors: problem.errors, errorId: 'err_1' },
    })
  })

  it.each([
    ['a page of a proxy', json(502, '<html>Bad Gateway</html>', 'text/html'), 'answered 502'],
    ['another JSON error', json(404, { error: 'no such route' }), 'answered 404'],
    ['nothing', json(500, ''), 'answered 500'],
    ['a page with status 200', json(200, '<html>Please sign in</html>', 'text/html'), 'answered, but'],
    ['JSON of another shape', json(200, { status: 'fine' }), 'answered, but'],
    ['no content', ((_, response) => response.writeHead(204).end()) satisfies Answer, 'answered, but'],
  ])('%s is not from a Twinlock server', async (_, answer, words) => {
    const { url } = await serve(answer)
    const error = await failure(health(clientOf(url)))
    expect(error.code).toBe('unexpected_answer')
    expect(error.message).toContain(`${url} ${words}`)
    expect(error.message).not.toContain('<html>')
  })

  it('fields that a newer server adds are left out', async () => {
    const { url } = await serve(json(200, { status: 'ok', more: 1 }))
    expect(await health(clientOf(url))).toEqual({ status: 'ok' })
  })

  it.each([301, 302, 303, 307, 308])(
    'a redirect with status %d is not followed: it would take the token along',
    async (status) => {
      const elsewhere = await serve(healthy)
      const { url } = await serve((_, response) =>
        response.writeHead(status, { location: `${elsewhere.url}/health` }).end(),
      )
      expect((await failure(health(clientOf(url)))).code).toBe('server_unreachable')
      expect(elsewhere.received).toEqual([])
    },
  )

  it('an answer that breaks off is not an answer', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
      response.write('{"status":"ok"}', () => response.destroy())
    })
    const error = await failure(health(clientOf(url)))
    expect(error.code).toBe('server_unreachable')
    expect(error.message).toMatch(/^the answer broke off/)
  })

  it('a connection that ends before an answer is an unreachable server', async () => {
    const { url } = await serve((request) => request.socket.destroy())
    expect((await failure(health(clientOf(url)))).code).toBe('server_unreachable')
  })

  it('a server that is not there is named, without the token', async () => {
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const { port } = gone.address() as AddressInfo
    await new Promise((done) => gone.close(done))
    const error = await failure(health(clientOf(`http://127.0.0.1:${port}`)))
    expect(error.code).toBe('server_unreachable')
    expect(error.message).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${port} cannot be reached: .*ECONNREFUSED`))
    expect(JSON.stringify([error.message, error.data])).not.toContain('twl_user_secret')
    expect(ERROR_CODES[error.code].hint).toMatch(/address/)
  })
})

describe('an abort', () => {
  const reason = new Error('enough')

  it('before the call sends nothing', async () => {
    const { url, received } = await serve(healthy)
    const call = clientOf(url).call(api.system.health, {}, { signal: AbortSignal.abort(reason) })
    await expect(call).rejects.toBe(reason)
    expect(received).toEqual([])
  })

  it('while waiting ends the call with its own reason', async () => {
    const gone = new AbortController()
    const { url } = await serve(() => gone.abort(reason))
    await expect(clientOf(url).call(api.system.health, {}, { signal: gone.signal })).rejects.toBe(reason)
  })

  it('in the middle of a body ends the call with its own reason', async () => {
    const gone = new AbortController()
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"status":')
    })
    const call = clientOf(url, {
      transport:
        (inner) =>
        async (...args) => {
          const answer = await inner(...args)
          queueMicrotask(() => gone.abort(reason))
          return answer
        },
    }).call(api.system.health, {}, { signal: gone.signal })
    await expect(call).rejects.toBe(reason)
  })
})

describe('a stream', () => {
  const params = { id: `exe_${'0'.repeat(26)}` }

  it('gives the bytes as they arrive', async () => {
    const { url, received } = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.write('{"rows":')
      response.end('[]}\n')
    })
    const chunks = await Array.fromAsync(await clientOf(url).stream(api.executions.result, { params }))
    expect(Buffer.concat(chunks).toString()).toBe('{"rows":[]}\n')
    expect(received[0]?.headers.accept).toBe('application/x-ndjson')
  })

  it('that is refused is a problem, like any call', async () => {
    const { url } = await serve(
      json(409, { type: 'x', title: 'x', status: 409, code: 'result_not_available', detail: 'none' }),
    )
    expect((await failure(clientOf(url).stream(api.executions.result, { params }))).code).toBe('result_not_available')
  })

  it('that is cut throws instead of ending', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.write('{"rows":[]}\n', () => response.destroy())
    })
    const stream = await clientOf(url).stream(api.executions.result, { params })
    await expect(Array.fromAsync(stream)).rejects.toThrow()
  })
})
