import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { api } from '@twinlock/contract'
import { type ServerProcess, startServerProcess, submit, type TestUser } from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createManualAgent, type ManualAgent, refusal } from './fixtures/manual-agent.ts'

const CONFIG = `
drain_timeout = "30s"
[[databases]]
name = "app"
environments = ["development", "production"]
dialect = "postgresql"
[[workflows]]
database = "app"
environment = "development"
auto_approve = "always"
[[workflows]]
database = "app"
environment = "production"
[[workflows.steps]]
approvers = [{ role = "approver" }]
`

let server: ServerProcess
let agent: ManualAgent
beforeEach(async () => {
  server = await startServerProcess({ config: CONFIG })
  agent = createManualAgent(server, server.agentToken, 'agent-1', ['app/development'])
})
afterEach(() => server[Symbol.asyncDispose]())

const call: TestUser['client']['call'] = (...args) => server.admin.client.call(...args)

/** A call whose answer cannot come before the test sends the rest of it. */
async function halfACall(): Promise<{ socket: Socket; finish: () => Promise<string> }> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const body = JSON.stringify({ database: 'app', environment: 'production', sql: 'select 1' })
  socket.write(
    `POST /api/v1/requests HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.admin.token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
  )
  // The server has the head of the call once it has answered a later one.
  await call(api.identity.me, {})
  return {
    socket,
    async finish() {
      let text = ''
      socket.on('data', (data) => {
        text += String(data)
      })
      socket.write(body.slice(10))
      await once(socket, 'close')
      return text
    },
  }
}

async function stop(): Promise<void> {
  server.process.kill('SIGTERM')
  await server.process.line((line) => line.includes('"stopping"'), 'it was told to stop')
}

/** An execution that the agent has started. */
async function running() {
  const { id } = await submit(server.admin.client, 'select 1', 'app/development')
  const execution = await call(api.requests.execute, { params: { id }, body: {} })
  const [lease] = await agent.poll()
  if (!lease) throw new Error('nothing was leased')
  await agent.start(lease)
  return { lease, executionId: execution.id }
}

describe('a server that is told to stop', () => {
  it('answers the call that is under way, and says that the connection ends', async () => {
    const half = await halfACall()
    await stop()
    const text = await half.finish()
    expect(text).toMatch(/^HTTP\/1\.1 201 /)
    expect(text).toMatch(/\r\nconnection: close\r\n/i)
    expect(text).toContain('"status":"pending"')
    expect(await server.process.ended).toBe(0)
  })

  it('tells people and load balancers that it is stopping, and lives', async () => {
    const half = await halfACall()
    await stop()
    const refused = await fetch(`${server.url}/api/v1/me`, {
      headers: { authorization: `Bearer ${server.admin.token}` },
    })
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await refused.json()).toMatchObject({ code: 'not_ready', detail: 'the server is stopping' })
    const ready = await fetch(`${server.url}/ready`)
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { code: 'not_ready', detail: 'draining: the server is stopping' },
    ])
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    await half.finish()
  })

  it('says so on a connection that was kept alive', async () => {
    const keepAlive = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        get(`${server.url}/health`, { agent: keepAlive }, (answer) => resolve(answer.resume())).on('error', reject)
      })
    expect((await ask()).headers.connection).toBe('keep-alive')
    const half = await halfACall()
    await stop()
    expect((await ask()).headers.connection).toBe('close')
    keepAlive.destroy()
    await half.finish()
  })

  it('answers at once who waits for a decision, for an end or for work', async () => {
    const { id } = await submit(server.admin.client, 'select 1', 'app/production')
    const { executionId } = await running()
    const half = await halfACall()
    const decision = call(api.requests.get, { params: { id }, query: { wait: 30 } })
    const end = call(api.executions.get, { params: { id: executionId }, query: { wait: 30 } })
    const work = agent.poll()
    await call(api.identity.me, {})
    await stop()
    expect(await decision).toMatchObject({ status: 'pending' })
    expect(await end).toMatchObject({ status: 'running' })
    expect(await work).toEqual([])
    await half.finish()
  })

  it('gives out no more work, and starts none', async () => {
    const first = await submit(server.admin.client, 'select 1', 'app/development')
    await call(api.requests.execute, { params: { id: first.id }, body: {} })
    const [lease] = await agent.poll()
    if (!lease) throw new Error('nothing was leased')
    const second = await submit(server.admin.client, 'select 2', 'app/development')
    await call(api.requests.execute, { params: { id: second.id }, body: {} })
    const half = await halfACall()
    await stop()
    expect(await refusal(agent.poll())).toMatchObject({ code: 'not_ready' })
    expect(await refusal(agent.start(lease))).toMatchObject({ code: 'not_ready' })
    // What the agent holds and cannot start it may give back.
    expect(await agent.handBack(lease)).toEqual({})
    await half.finish()
  })

  it('keeps the result and the outcome that an agent brings while it stops, and ends as soon as they are there', async () => {
    const { lease, executionId } = await running()
    await stop()
    await agent.heartbeat(lease)
    await agent.chunk(lease, 0, 'x\n')
    await agent.report(lease, { chunks: 1, result_sha256: 'a'.repeat(64) })
    // Within its 30 s, and long before the lease of the execution would have ended.
    expect(await server.process.ended).toBe(0)
    await using again = await startServerProcess({ config: CONFIG, stateDir: server.stateDir })
    expect(await again.admin.client.call(api.executions.get, { params: { id: executionId } })).toMatchObject({
      status: 'succeeded',
      result: 'complete',
    })
  })

  it('ends a stream of rows at a whole chunk when its time is over, without a reset', async () => {
    await using brief = await startServerProcess({ config: CONFIG.replace('30s', '1s') })
    const own = createManualAgent(brief, brief.agentToken, 'agent-1', ['app/development'])
    const { id } = await submit(brief.admin.client, 'select 1', 'app/development')
    const execution = await brief.admin.client.call(api.requests.execute, { params: { id }, body: {} })
    const [lease] = await own.poll()
    if (!lease) throw new Error('nothing was leased')
    await own.start(lease)
    await own.chunk(lease, 0, 'one\n')
    const stream = await brief.admin.client.stream(api.executions.result, { params: { id: execution.id } })
    let text = ''
    let isStopping = false
    for await (const bytes of stream) {
      text += Buffer.from(bytes).toString()
      if (!isStopping) brief.process.kill('SIGTERM')
      isStopping = true
    }
    expect(text.trim()).toBe('one')
    expect(await brief.process.ended).toBe(0)
  })

  it('ends at once when it is told a second time, and loses nothing that was answered', async () => {
    const { id } = await submit(server.admin.client, 'select 1', 'app/production')
    await halfACall()
    await stop()
    server.process.kill('SIGINT')
    expect(await server.process.ended).toBe(1)
    await using again = await startServerProcess({ config: CONFIG, stateDir: server.stateDir })
    expect(await again.admin.client.call(api.requests.get, { params: { id } })).toMatchObject({ status: 'pending' })
  })
})
