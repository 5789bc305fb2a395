import { connect } from 'node:net'
import { ALL_ENDPOINTS, api, type Endpoint, ERROR_CODES, endpointPath } from '@twinlock/contract'
import { startTestServer, submit, type TestServer, type TestUser } from '@twinlock/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ACCESS_ROWS, NOBODYS } from './fixtures/access-rows.ts'

let server: TestServer
let alice: TestUser
beforeAll(async () => {
  server = await startTestServer()
  alice = await server.createUser('alice', 'developer')
})
afterEach(async () => {
  // Whatever came before: the server goes on, and nothing failed in it.
  expect((await submit(alice.client, 'select 1')).status).toBe('approved')
  expect(server.logLines.filter((line) => line.includes('"error_id"'))).toEqual([])
})
afterAll(() => server[Symbol.asyncDispose]())

interface Answer {
  readonly status: number
  readonly problem: unknown
}

async function expectCoded(response: Response): Promise<Answer> {
  const text = await response.text()
  expect(response.headers.get('content-type')).toContain('application/problem+json')
  const problem = JSON.parse(text)
  expect(ERROR_CODES).toHaveProperty([problem.code])
  expect(response.status).toBeGreaterThanOrEqual(400)
  expect(response.status).toBeLessThan(500)
  expect(text.length).toBeLessThan(8000)
  expect(text).not.toMatch(/\bat .*\.(ts|js):\d|node_modules|sqlite|zod/i)
  return { status: response.status, problem }
}

function tokenFor(endpoint: Endpoint): string {
  return endpoint.access === 'agent' ? server.agentToken : server.admin.token
}

async function send(
  endpoint: Endpoint,
  change: { body?: string | Buffer<ArrayBuffer>; type?: string; path?: string; query?: string } = {},
) {
  const { params = {}, query = {} } = ACCESS_ROWS[endpoint.name]?.sample(NOBODYS) ?? {}
  const search = change.query ?? new URLSearchParams(query).toString()
  const url = `${server.url}${change.path ?? endpointPath(endpoint, params)}${search === '' ? '' : `?${search}`}`
  return fetch(url, {
    method: endpoint.method,
    headers: {
      authorization: `Bearer ${tokenFor(endpoint)}`,
      ...(change.body === undefined ? {} : { 'content-type': change.type ?? 'application/json' }),
    },
    ...(change.body === undefined ? {} : { body: change.body }),
  })
}

const named = (endpoints: readonly Endpoint[]) => endpoints.map((endpoint) => [endpoint.name, endpoint] as const)

const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
const BODIES: [string, string | Buffer<ArrayBuffer>, string?][] = [
  ['no JSON', '{"name": '],
  ['JSON after JSON', '{}{}'],
  ['a list', '[]'],
  ['null', 'null'],
  ['a number', '1e999'],
  ['a text', '"text"'],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ['a byte-order mark before nothing', Buffer.from([0xef, 0xbb, 0xbf])],
  ['an unknown field', '{"no such field": 1}'],
  ['__proto__', '{"__proto__": {"status": "active", "roles": ["admin"]}}'],
  ['constructor.prototype', '{"constructor": {"prototype": {"roles": ["admin"]}}}'],
  ['ten thousand levels', deep(10_000)],
  ['a field of 50,000 NUL bytes', JSON.stringify({ name: '\0'.repeat(8_000), id: '\0' })],
  ['a form', 'name=mallory&roles=admin', 'application/x-www-form-urlencoded'],
  ['JSON called a text', '{}', 'text/plain'],
  ['5 MB', JSON.stringify({ name: 'x'.repeat(5 * 1024 * 1024) })],
]

describe.each(named(ALL_ENDPOINTS.filter(({ body }) => body !== undefined)))('%s', (_, endpoint) => {
  it.each(BODIES)('refuses %s', async (_, body, type = 'application/json') => {
    const { status } = await expectCoded(await send(endpoint, { body, type }))
    expect([400, 413, 415]).toContain(status)
  })
})

const ODD_NAMES = ['%00', '%ff', '..%2f..%2fetc', "'%20or%201=1--", '%F0%9F%94%92', '__proto__', 'x'.repeat(150)]

describe('what is no id or name in a path is refused by', () => {
  it.each(named(ALL_ENDPOINTS.filter(({ params }) => params !== undefined)))('%s', async (_, endpoint) => {
    for (const odd of ODD_NAMES) {
      const path = `/api/v1${endpoint.path.replaceAll(/\{\w+\}/g, odd)}`
      const body = endpoint.rawBody
        ? { body: Buffer.from('x'), type: 'application/octet-stream' }
        : endpoint.body
          ? { body: '{}' }
          : {}
      const { status } = await expectCoded(await send(endpoint, { path, ...body }))
      expect([400, 404]).toContain(status)
    }
  })
})

const ODD_QUERIES = [
  'no_such_field=1',
  '__proto__=1',
  'limit=1&limit=2',
  'limit=1e9&wait=-1&from_chunk=x&after=x',
  `cursor=${'x'.repeat(10_000)}&wait=31`,
  Array.from({ length: 1_000 }, (_, i) => `k${i}=1`).join('&'),
]

describe('what is no query of its own is refused by', () => {
  const ofPeople = ALL_ENDPOINTS.filter(({ access, query }) => query !== undefined && access !== 'agent')
  it.each(named(ofPeople))('%s', async (_, endpoint) => {
    for (const query of ODD_QUERIES) expect((await expectCoded(await send(endpoint, { query }))).status).toBe(400)
  })
})

describe('too many of something', () => {
  const post = (path: string, body: unknown) =>
    fetch(`${server.url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.admin.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  it.each([101, 10_000])('%i roles are refused', async (count) => {
    const roles = Array.from({ length: count }, () => 'auditor')
    const { status } = await expectCoded(await post('/users', { name: 'many', roles }))
    expect([400, 413]).toContain(status)
  })

  it.each([501, 10_000])('%i targets are refused', async (count) => {
    const targets = Array.from({ length: count }, (_, i) => ({ database: 'app', environment: `e${i}` }))
    const { status } = await expectCoded(await post('/tokens/agent', { targets }))
    expect([400, 413]).toContain(status)
  })

  it('10,000 targets that an agent announces are refused', async () => {
    const target = { database: 'a', environment: 'b', dialect: 'postgresql', operations: null }
    const response = await fetch(`${server.url}/api/v1/agent/poll`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.agentToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ targets: Array.from({ length: 10_000 }, () => target) }),
    })
    expect((await expectCoded(response)).status).toBe(413)
  })

  it.each([
    'root',
    'admin@',
    'admin@*',
    '@app/production',
    'admin@app/production/x',
    'ADMIN',
    'admin\0',
    'admin@__proto__/x',
    '__proto__',
    'toString',
  ])('the role %j is none', async (role) => {
    const { status } = await expectCoded(await post('/users', { name: 'odd', roles: [role] }))
    expect(status).toBe(400)
  })

  it.each(['', 'A', '-x', 'a b', 'a/b', 'a\0', 'ä', '__proto__', 'x'.repeat(64), 'a\n'])(
    'the name %j is none',
    async (name) => {
      const { status } = await expectCoded(await post('/users', { name, roles: ['readonly'] }))
      expect(status).toBe(400)
    },
  )

  it('nobody is called like the server', async () => {
    await expectCoded(await post('/users', { name: 'server', roles: ['readonly'] }))
  })

  it('reasons and comments have no NUL bytes', async () => {
    const { id } = await submit(alice.client, 'select 1')
    for (const text of ['a\0', '\udc00']) {
      const submission = { database: 'app', environment: 'development', sql: 'select 1' }
      for (const [path, body] of [
        ['/requests', { ...submission, reason: text }],
        [`/requests/${id}/comments`, { text }],
        [`/requests/${id}/cancel`, { reason: text }],
        ['/users/alice/suspend', { reason: text }],
      ] as const)
        expect((await expectCoded(await post(path, body))).status).toBe(400)
      expect((await expectCoded(await post('/requests', { ...submission, sql: `select '${text}'` }))).status).toBe(400)
    }
  })

  it('texts keep their length and have no NUL bytes', async () => {
    for (const label of ['x'.repeat(101), ' ', '', 'a\0b', 'half \ud83d'])
      expect((await expectCoded(await post('/tokens', { user: 'alice', label }))).status).toBe(400)
    for (const expires_in_s of [0, -1, 1.5, 1e12, '10', null])
      expect((await expectCoded(await post('/tokens', { user: 'alice', expires_in_s }))).status).toBe(400)
  })
})

describe('headers', () => {
  /** Sends bytes as they are and returns all that comes back. */
  function sendRaw(lines: readonly string[]): Promise<string> {
    const { hostname, port } = new URL(server.url)
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname)
      let text = ''
      socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
      socket.on('data', (bytes) => {
        text += bytes.toString('utf8')
      })
      socket.once('close', () => resolve(text))
      socket.once('error', reject)
    })
  }
  const head = (path = '/api/v1/me') => [`GET ${path} HTTP/1.1`, 'host: localhost', 'connection: close']

  it.each([
    ['an authorization that is not ASCII', [...head(), 'authorization: Bearer t\xf6ken\xff'], 401, 'unauthenticated'],
    [
      'an authorization of 1,000 characters',
      [...head(), `authorization: Bearer ${'x'.repeat(1000)}`],
      401,
      'unauthenticated',
    ],
    ['two authorizations', [...head(), 'authorization: Bearer a', 'authorization: Bearer b'], 401, 'unauthenticated'],
    ['an address of 60,000 characters', head(`/api/v1/me?x=${'x'.repeat(60_000)}`), 431, 'headers_too_large'],
    ['a header of 60,000 characters', [...head(), `x-long: ${'x'.repeat(60_000)}`], 431, 'headers_too_large'],
    ['10,000 headers', [...head(), ...Array.from({ length: 10_000 }, (_, i) => `x-${i}: 1`)], 431, 'headers_too_large'],
    ['a control character', [...head(), 'x-odd: a\x00b'], 400, 'invalid_request'],
    ['no HTTP', ['hello'], 400, 'invalid_request'],
    ['an unknown method', ['BREW /api/v1/me HTTP/1.1', 'host: localhost'], 400, 'invalid_request'],
    [
      'two lengths',
      ['POST /api/v1/users HTTP/1.1', 'host: localhost', 'content-length: 2', 'content-length: 3'],
      400,
      'invalid_request',
    ],
    [
      'a length and chunks',
      ['POST /api/v1/users HTTP/1.1', 'host: localhost', 'content-length: 2', 'transfer-encoding: chunked'],
      400,
      'invalid_request',
    ],
  ])('%s: a coded answer', async (_, lines, status, code) => {
    const text = await sendRaw(lines)
    expect(text.slice(0, 13)).toBe(`HTTP/1.1 ${status} `)
    expect(text).toContain('application/problem+json')
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')).trim())).toMatchObject({ status, code })
  })

  it('a result has one representation, and another is not given in its place', async () => {
    const path = endpointPath(api.executions.result, { id: NOBODYS.execution })
    for (const accept of ['text/csv', 'application/json', 'application/xml']) {
      const headers = { authorization: `Bearer ${server.admin.token}`, accept }
      const { status, problem } = await expectCoded(await fetch(server.url + path, { headers }))
      expect([status, problem]).toEqual([406, expect.objectContaining({ code: 'not_acceptable' })])
    }
  })

  it('an Idempotency-Key that is not ASCII, or too long, is refused', async () => {
    for (const key of ['k\xe4y', 'x'.repeat(201), 'a b', '']) {
      const response = await fetch(`${server.url}/api/v1/users/alice/activate`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${server.admin.token}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: '{}',
      })
      expect((await expectCoded(response)).status).toBe(400)
    }
  })
})

describe('the prototype of everything', () => {
  it('is what it was after all of that', () => {
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as { roles?: unknown }).roles).toBeUndefined()
    expect(api.identity.me.access).toBe('self:read')
  })
})
