import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { eventually } from './fixtures/eventually.ts'
import { id, workOrder } from './fixtures/orders.ts'
import { startProtocolServer } from './fixtures/protocol-server.ts'
import { startRunningAgent } from './fixtures/running-agent.ts'

type Answer = (response: ServerResponse, url: string) => void

const json = (body: unknown, status = 200) => {
  return (response: ServerResponse) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
const poll = (leases: unknown[]) => json({ server_id: 'srv_test', server_time: new Date().toISOString(), leases })
const lease = (rest: object = {}) => ({ execution_id: id('exe'), lease_id: id('lse'), work_order: '{}', ...rest })

/** One answer without an end: only a limit ends it. */
const endless: Answer = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  const part = Buffer.alloc(1024 * 1024, ' ')
  const write = () => {
    while (!response.destroyed && response.write(part));
    if (!response.destroyed) response.once('drain', write)
  }
  write()
}

const ANSWERS: [title: string, answer: Answer][] = [
  ['nothing', (response) => response.end()],
  ['a web page', (response) => response.end('<html>welcome</html>')],
  ['null', json(null)],
  ['half an answer', (response) => response.writeHead(200, { 'content-length': '100' }).end('{"server')],
  ['nested arrays', (response) => response.end('['.repeat(200_000))],
  ['an endless answer', endless],
  ['an error without a form', json({ message: 'x'.repeat(1_000_000) }, 500)],
  [
    'an unknown error',
    json({ type: 'x', title: 'x', status: 418, code: 'teapot', detail: 'x'.repeat(1_000_000) }, 418),
  ],
  ['an id that is a path', poll([lease({ execution_id: '../../../etc/passwd' })])],
  ['an id that is a prototype', poll([lease({ execution_id: '__proto__' })])],
  ['a lease that is none', poll([null, 1, 'x'])],
  ['a thousand leases of nothing', poll(Array.from({ length: 1000 }, () => lease()))],
  ['a lease for an order of garbage', poll([lease({ work_order: '\u0000{' })])],
  ['a time that is none', json({ server_id: 'x', server_time: 'yesterday', leases: [] })],
]

/** Answers the same to whatever is asked, but for the keys: it has none. */
async function startHostileServer(answer: Answer) {
  const seen: { url: string; authorization: string | undefined }[] = []
  const http = createServer(async (request, response) => {
    seen.push({ url: request.url ?? '', authorization: request.headers.authorization })
    await request.toArray().catch(() => [])
    if (request.url?.endsWith('jwks.json')) json({ keys: [] })(response)
    else answer(response, request.url ?? '')
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections()
      http.close()
    },
  }
}

test('a server that answers nonsense runs nothing, fills nothing and breaks nothing', async () => {
  const good = await startProtocolServer()
  await using running = await startRunningAgent({ server: good })
  expect(await good.outcome(good.enqueue(workOrder('select 1')))).toMatchObject({ status: 'succeeded' })
  const before = process.memoryUsage().rss
  for (const [title, answer] of ANSWERS) {
    await using hostile = await startHostileServer(answer)
    await running.restart({}, { server: { ...good, url: hostile.url } })
    await eventually(() => [title, hostile.seen.length > 1]).toEqual([title, true])
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024)
  await running.restart()
  expect(await good.outcome(good.enqueue(workOrder('select 1')))).toMatchObject({ status: 'succeeded' })
  expect(running.log().split('"succeeded"')).toHaveLength(3)
  expect(running.log().length).toBeLessThan(100_000)
})

test.each([101, 4 * 1024 * 1024])(
  'orders nobody signed, under lease ids of %i characters, leave a journal that is small and opens again',
  async (length) => {
    const good = await startProtocolServer()
    await using running = await startRunningAgent({ server: good })
    await good.outcome(good.enqueue(workOrder('select 1')))
    let wanted = 0
    await using hostile = await startHostileServer((response, url) => {
      if (url.endsWith('/start')) json({ token: { junk: 'junk' }, server_time: '9999-12-31T23:59:59Z' })(response)
      else if (url.endsWith('/outcome')) json({ code: 'internal_error' }, 500)(response)
      else {
        wanted += 1
        // One that fits, so that something is journaled after what must not be.
        poll([lease({ lease_id: 'x'.repeat(length) }), lease({ lease_id: `lse_${'1'.repeat(26)}` })])(response)
      }
    })
    await running.restart({}, { server: { ...good, url: hostile.url } })
    await eventually(() => wanted).toBeGreaterThan(5)
    await eventually(() => running.log()).toContain('token_malformed')
    await running.restart()
    expect(await good.outcome(good.enqueue(workOrder('select 1')))).toMatchObject({ status: 'succeeded' })
    const journal = await readFile(`${running.stateDir}/journal.ndjson`, 'utf8')
    expect(journal.length).toBeLessThan(200_000)
    expect(journal).not.toMatch(/junk|xxxx|"valid_until":2\d{14}/)
  },
)

test('a redirect is not followed: the token stays with the server it is for', async () => {
  const good = await startProtocolServer()
  await using running = await startRunningAgent({ server: good })
  await good.outcome(good.enqueue(workOrder('select 1')))
  await using elsewhere = await startHostileServer(json({}))
  const redirecting = createServer((_request, response) =>
    response.writeHead(307, { location: `${elsewhere.url}/api/v1/agent/poll` }).end(),
  )
  redirecting.listen(0, '127.0.0.1')
  await once(redirecting, 'listening')
  const address = redirecting.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  await running.restart({}, { server: { ...good, url: `http://127.0.0.1:${address.port}` } })
  await eventually(() => running.log()).toContain('the server cannot be asked for work')
  redirecting.closeAllConnections()
  redirecting.close()
  expect(elsewhere.seen).toEqual([])
})

test('the token is not shown to a server whose key does not fit', async () => {
  const impostor = await startHostileServer(json({}))
  const good = await startProtocolServer()
  await using running = await startRunningAgent({ server: { ...good, url: impostor.url } })
  await eventually(() => impostor.seen.length).toBeGreaterThan(1)
  expect(impostor.seen.every(({ url, authorization }) => url.endsWith('jwks.json') && !authorization)).toBe(true)
  expect(running.log()).toContain('the server cannot be trusted')
  await impostor[Symbol.asyncDispose]()
})
