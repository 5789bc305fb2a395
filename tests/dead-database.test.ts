import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { api } from '@twinlock/contract'
import {
  createTestDatabase,
  query,
  startAgentProcess,
  startTestServer,
  submit,
  waitForExecution,
} from '@twinlock/testing'
import { expect, it } from 'vitest'

const CONFIG = `
[[databases]]
name = "app"
environments = ["development", "production"]
dialect = "postgresql"

[[workflows]]
database = "app"
environment = "*"
auto_approve = "always"
`

/** Takes connections and never says a word. */
async function startSilentDatabase() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1')
  return {
    url: `postgres://u:p@127.0.0.1:${address.port}/db`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

it('a database that does not answer disturbs neither the start of its agent nor executions on other targets', async () => {
  await using cleanup = new AsyncDisposableStack()
  const server = cleanup.use(await startTestServer({ config: CONFIG }))
  const live = cleanup.use(await createTestDatabase())
  const dead = cleanup.use(await startSilentDatabase())
  cleanup.use(
    await startAgentProcess({
      serverUrl: server.url,
      token: server.agentToken,
      targets: { 'app/production': dead.url, 'app/development': live.url },
    }),
  )
  const { client } = await server.createUser('alice', 'developer')
  const waiting: string[] = []
  // More than the agent has places.
  for (let i = 0; i < 8; i++) {
    const request = await submit(client, 'select 1', 'app/production', { start: 'on_approval' })
    waiting.push(request.latest_execution?.id ?? '')
  }
  const statusOf = async (id: string) => (await client.call(api.executions.get, { params: { id }, query: {} })).status
  // One may try; the others are not kept waiting.
  const open = async () => (await Promise.all(waiting.map(statusOf))).filter((status) => status !== 'failed').length
  await expect.poll(open, { timeout: 20_000 }).toBeLessThanOrEqual(1)
  const ends: unknown[] = []
  for (let i = 0; i < 10; i++) ends.push((await query(client, `select ${i}`)).result[0]?.rows)
  expect(ends).toEqual(Array.from({ length: 10 }, (_, i) => [[i]]))
  for (const id of waiting)
    expect(await waitForExecution(client, id)).toMatchObject({
      status: 'failed',
      effect: 'none',
      error: { code: 'connection_failed' },
    })
})
