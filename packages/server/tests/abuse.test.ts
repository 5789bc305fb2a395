import { connect } from 'node:net'
import { api } from '@twinlock/contract'
import { startTestServer, submit, type TestServer, type TestUser } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let server: TestServer
let alice: TestUser
let rita: TestUser
beforeAll(async () => {
  server = await startTestServer()
  alice = await server.createUser('alice', 'developer')
  rita = await server.createUser('rita', 'readonly')
})
afterAll(() => server[Symbol.asyncDispose]())

/** Sends the head of a request that announces a body, and returns what comes back without the body being sent. */
function sendHead(path: string, headers: Record<string, string>): Promise<string> {
  const { hostname, port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    const lines = Object.entries({
      host: hostname,
      'content-type': 'application/json',
      'content-length': '2900000',
      ...headers,
    })
    socket.write(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n{`)
    socket.once('data', (bytes) => {
      resolve(bytes.toString('utf8'))
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

describe('a caller', () => {
  it('without a token is answered before the body is read', async () => {
    expect(await sendHead('/api/v1/requests', {})).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('without the permission is answered before the body is read', async () => {
    expect(await sendHead('/api/v1/users', { authorization: `Bearer ${rita.token}` })).toMatch(/^HTTP\/1\.1 403 /)
  })

  it('with a body that is too large for the endpoint is told so', async () => {
    expect(await sendHead('/api/v1/users', { authorization: `Bearer ${server.admin.token}` })).toMatch(
      /^HTTP\/1\.1 413 /,
    )
  })

  it('gets a short answer to a body of a thousand unknown fields', async () => {
    const body = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`unknown_${i}`, 1]))
    const response = await fetch(`${server.url}/api/v1/users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.admin.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(response.status).toBe(400)
    expect((await response.text()).length).toBeLessThan(4000)
  })

  it('with an address that is none gets a problem document', async () => {
    const response = await fetch(`${server.url}/api/v1/requests/%zz`)
    expect([response.status, response.headers.get('content-type')]).toEqual([
      400,
      expect.stringContaining('problem+json'),
    ])
    expect(await response.json()).toMatchObject({ code: 'invalid_request', detail: 'the address is not a valid URL' })
  })
})

describe('the parser', () => {
  it("is not kept from others by one person's hostile texts", async () => {
    const hostile = `select ${'/**/'.repeat(25_000)} 1`
    const finished: string[] = []
    const flood = Array.from({ length: 10 }, () =>
      submit(rita.client, hostile)
        .catch(() => undefined)
        .then(() => finished.push('rita')),
    )
    await submit(alice.client, 'select 1').then(() => finished.push('alice'))
    await Promise.all(flood)
    // In order of arrival, alice would have come last.
    expect(finished.indexOf('alice')).toBeLessThan(5)
  })

  it('has a limit of waiting texts for one person, and goes on for the others', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        submit(rita.client, 'select 1').then(
          () => 'taken',
          (error) => error.code,
        ),
      ),
    )
    expect(new Set(answers)).toEqual(new Set(['taken', 'too_many_requests']))
    expect((await submit(rita.client, 'select 1')).status).toBe('approved')
  })
})

describe('a list', () => {
  it('ends a page early rather than carry megabytes, and loses nothing', async () => {
    const large = `select '${'x'.repeat(120_000)}'`
    for (let i = 0; i < 25; i++) await submit(alice.client, large)
    const seen: number[] = []
    let pages = 0
    for (let cursor: string | null | undefined; cursor !== null; pages++) {
      const page = await alice.client.call(api.requests.list, { query: { limit: 200, ...(cursor ? { cursor } : {}) } })
      expect(JSON.stringify(page).length).toBeLessThan(4 * 1024 * 1024)
      seen.push(...page.items.map(({ number }) => number))
      cursor = page.next_cursor
    }
    expect(pages).toBeGreaterThan(1)
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => b - a))
    expect(seen.length).toBeGreaterThanOrEqual(25)
  })
})
