import { api, LEASE_MS } from '@twinlock/contract'
import { type AuditRecord, auditRecordSchema } from '@twinlock/evidence'
import { sweep } from '@twinlock/server'
import { readAuditRecords, startTestServer, submit, type TestServer, type TestUser } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'
import { createHoldingClock, createManualAgent, refusal } from './fixtures/manual-agent.ts'

const CONFIG = `
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
pending_ttl = "10s"
[[workflows.steps]]
approvers = [{ role = "approver" }]
[[workflows.steps]]
approvers = [{ role = "admin" }]
`
const WAIT_MS = 30_000
const KEEP_ALIVE_MS = 15_000
const DAY = 24 * 3_600_000

async function start() {
  const clock = createHoldingClock()
  const server = await startTestServer({ config: CONFIG, overrides: { clock } })
  const alice = await server.createUser('alice', 'developer')
  const bob = await server.createUser('bob', 'approver')
  const agent = createManualAgent(server, server.agentToken, 'dev-1', ['app/development'])
  return {
    clock,
    server,
    alice,
    bob,
    agent,
    async pass(ms: number) {
      clock.advance(ms)
      await sweep(server.server.ctx)
    },
    ask: () => submit(alice.client, 'select 1', 'app/production'),
    wait: (id: string, seconds = 30, signal?: AbortSignal) =>
      alice.client.call(api.requests.get, { params: { id }, query: { wait: seconds } }, signal ? { signal } : {}),
    /** An execution that the agent runs. */
    async run() {
      const request = await submit(alice.client, 'select 1', 'app/development', { start: 'on_approval' })
      const [held] = await agent.poll()
      if (held === undefined) throw new Error('the agent got nothing')
      await agent.start(held)
      return { request, id: held.execution_id, held }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const review = (who: TestUser, verb: 'approve' | 'reject', id: string, step: number) =>
  who.client.call(api.requests[verb], { params: { id }, body: { step } })

describe('waiting for a request', () => {
  it('ends with its approval, not with a step of it', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    const waiting = [setup.wait(id), setup.wait(id)]
    await setup.clock.untilHeld(WAIT_MS, 2)
    await review(setup.bob, 'approve', id, 1)
    await setup.clock.untilHeld(WAIT_MS, 2)
    await review(setup.server.admin, 'approve', id, 2)
    for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ id, status: 'approved' })
  })

  it('ends with its rejection, withdrawal or expiry', async () => {
    await using setup = await start()
    const ends: [string, (id: string) => Promise<unknown>][] = [
      ['rejected', (id) => review(setup.bob, 'reject', id, 1)],
      ['cancelled', (id) => setup.alice.client.call(api.requests.cancel, { params: { id }, body: {} })],
      ['expired', () => setup.pass(10_000)],
    ]
    for (const [status, end] of ends) {
      const { id } = await setup.ask()
      const waiting = setup.wait(id)
      await setup.clock.untilHeld(WAIT_MS, 1)
      await end(id)
      expect(await waiting).toMatchObject({ id, status })
    }
  })

  it('is not disturbed by another request', async () => {
    await using setup = await start()
    const [one, other] = [await setup.ask(), await setup.ask()]
    const waiting = setup.wait(one.id)
    await setup.clock.untilHeld(WAIT_MS, 1)
    await review(setup.bob, 'reject', other.id, 1)
    await setup.clock.untilHeld(WAIT_MS, 1)
    await review(setup.bob, 'reject', one.id, 1)
    expect(await waiting).toMatchObject({ id: one.id, status: 'rejected' })
  })

  it('ends with what is when its time is over', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    const waiting = setup.wait(id, 5)
    await setup.clock.untilHeld(5000, 1)
    setup.clock.advance(4999)
    await setup.clock.untilHeld(5000, 1)
    setup.clock.advance(1)
    expect(await waiting).toMatchObject({ id, status: 'pending' })
  })

  it('is over at once where there is nothing to wait for, or no time', async () => {
    await using setup = await start()
    const pending = await setup.ask()
    expect(await setup.wait(pending.id, 0)).toMatchObject({ status: 'pending' })
    await review(setup.bob, 'reject', pending.id, 1)
    expect(await setup.wait(pending.id)).toMatchObject({ status: 'rejected' })
  })

  it('lasts 30 seconds at most', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    for (const seconds of [31, -1, 1.5])
      await expect(setup.wait(id, seconds)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('is not for those who may not see the request', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    const rita = await setup.server.createUser('rita', 'readonly')
    await expect(rita.client.call(api.requests.get, { params: { id }, query: { wait: 30 } })).rejects.toMatchObject({
      code: 'request_not_found',
    })
  })

  it('holds nothing once the client has gone', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    const gone = new AbortController()
    const waiting = refusal(setup.wait(id, 30, gone.signal))
    await setup.clock.untilHeld(WAIT_MS, 1)
    gone.abort()
    await waiting
    await setup.clock.untilHeld(WAIT_MS, 0)
  })
})

describe('waiting for an execution', () => {
  const waitFor = (alice: TestUser, id: string) =>
    alice.client.call(api.executions.get, { params: { id }, query: { wait: 30 } })

  it('ends with its outcome, not with its lease or its start', async () => {
    await using setup = await start()
    const request = await submit(setup.alice.client, 'select 1', 'app/development', { start: 'on_approval' })
    const waiting = waitFor(setup.alice, request.latest_execution?.id ?? '')
    await setup.clock.untilHeld(WAIT_MS, 1)
    const [held] = await setup.agent.poll()
    if (held === undefined) throw new Error('the agent got nothing')
    await setup.agent.start(held)
    await setup.clock.untilHeld(WAIT_MS, 1)
    await setup.agent.report(held)
    expect(await waiting).toMatchObject({ id: held.execution_id, status: 'succeeded', effect: 'committed' })
  })

  it('ends when it is lost', async () => {
    await using setup = await start()
    const { id, held } = await setup.run()
    setup.clock.advance(LEASE_MS - 1000)
    const waiting = waitFor(setup.alice, id)
    await setup.clock.untilHeld(WAIT_MS, 1)
    await setup.pass(1000)
    expect(await waiting).toMatchObject({ status: 'lost', effect: null })
    await setup.agent.report(held)
    expect(await waitFor(setup.alice, id)).toMatchObject({ status: 'succeeded' })
  })

  it('ends when it is withdrawn', async () => {
    await using setup = await start()
    const request = await submit(setup.alice.client, 'select 1', 'app/development', { start: 'on_approval' })
    const waiting = waitFor(setup.alice, request.latest_execution?.id ?? '')
    await setup.clock.untilHeld(WAIT_MS, 1)
    await setup.alice.client.call(api.requests.cancel, { params: { id: request.id }, body: {} })
    expect(await waiting).toMatchObject({ status: 'cancelled', effect: 'none' })
  })
})

describe('a result', () => {
  const open = (alice: TestUser, id: string, fromChunk = 0) =>
    alice.client.stream(api.executions.result, { params: { id }, query: { from_chunk: fromChunk } })

  async function readAll(stream: AsyncIterable<Uint8Array>): Promise<string> {
    const parts: Uint8Array[] = []
    for await (const part of stream) parts.push(part)
    return Buffer.concat(parts).toString('utf8')
  }

  it('is read from the chunk that is asked for', async () => {
    await using setup = await start()
    const { id, held } = await setup.run()
    for (const n of [0, 1, 2]) await setup.agent.chunk(held, n, `${n}\n`)
    await setup.agent.report(held, { chunks: 3, result_sha256: 'a'.repeat(64) })
    for (const [from, text] of [
      [0, '0\n1\n2\n'],
      [1, '1\n2\n'],
      [2, '2\n'],
      [3, ''],
      [1000, ''],
    ] as const)
      expect(await readAll(await open(setup.alice, id, from))).toBe(text)
    await expect(open(setup.alice, id, -1)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('comes while it arrives, with an empty line where nothing came for long', async () => {
    await using setup = await start()
    const { id, held } = await setup.run()
    await setup.agent.chunk(held, 0, 'one\n')
    const reader = (await open(setup.alice, id))[Symbol.asyncIterator]()
    const next = async () => Buffer.from((await reader.next()).value ?? []).toString('utf8')
    expect(await next()).toBe('one\n')
    await setup.clock.untilHeld(KEEP_ALIVE_MS, 1)
    setup.clock.advance(KEEP_ALIVE_MS)
    expect(await next()).toBe('\n')
    await setup.clock.untilHeld(KEEP_ALIVE_MS, 1)
    await setup.agent.chunk(held, 1, 'two\n')
    expect(await next()).toBe('two\n')
    await setup.clock.untilHeld(KEEP_ALIVE_MS, 1)
    await setup.agent.report(held, { chunks: 2, result_sha256: 'a'.repeat(64) })
    expect((await reader.next()).done).toBe(true)
  })

  it('is not cut in two by an empty line where a chunk ended within a line', async () => {
    await using setup = await start()
    const { id, held } = await setup.run()
    await setup.agent.chunk(held, 0, '{"rows":[["a')
    const reader = (await open(setup.alice, id))[Symbol.asyncIterator]()
    const next = async () => Buffer.from((await reader.next()).value ?? []).toString('utf8')
    expect(await next()).toBe('{"rows":[["a')
    await setup.clock.untilHeld(KEEP_ALIVE_MS, 1)
    setup.clock.advance(KEEP_ALIVE_MS)
    await setup.clock.untilHeld(KEEP_ALIVE_MS, 1)
    await setup.agent.chunk(held, 1, 'b"]]}\n')
    expect(await next()).toBe('b"]]}\n')
  })

  it('of a lost execution ends with what came', async () => {
    await using setup = await start()
    const { id, held } = await setup.run()
    await setup.agent.chunk(held, 0, 'one\n')
    const reading = readAll(await open(setup.alice, id))
    await setup.clock.untilHeld(KEEP_ALIVE_MS, 1)
    const { ctx } = setup.server.server
    await ctx.db.transact((tx) => tx.updateTable('executions').set({ lease_expires_at: 0 }).execute())
    await sweep(ctx)
    expect(await reading).toBe('one\n')
  })

  it('is for its requester alone, and there is none where nothing was read', async () => {
    await using setup = await start()
    const { id, held } = await setup.run()
    await setup.agent.report(held)
    await expect(open(setup.alice, id)).rejects.toMatchObject({ code: 'result_not_available' })
    // Who sees the request does not see its rows; who does not see it does not learn that it is there.
    const auditor = await setup.server.createUser('audra', 'auditor', 'developer')
    await expect(open(auditor, id)).rejects.toMatchObject({ code: 'not_requester' })
    const carol = await setup.server.createUser('carol', 'developer')
    await expect(open(carol, id)).rejects.toMatchObject({ code: 'execution_not_found' })
    await expect(open(setup.bob, id)).rejects.toMatchObject({ code: 'permission_denied' })
  })
})

describe('an export of the log', () => {
  async function exportAfter(server: TestServer, after: number): Promise<AuditRecord[]> {
    const parts: Uint8Array[] = []
    for await (const part of await server.admin.client.stream(api.audit.export, { query: { after } })) parts.push(part)
    const lines = Buffer.concat(parts).toString('utf8').split('\n').filter(Boolean)
    return lines.map((line) => auditRecordSchema.parse(JSON.parse(line)))
  }

  it('goes on after the record that is named', async () => {
    await using setup = await start()
    for (let i = 0; i < 5; i++) await setup.ask()
    const all = await readAuditRecords(setup.server)
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1))
    for (const after of [0, 1, 4, all.length - 1, all.length, all.length + 10])
      expect(await exportAfter(setup.server, after)).toEqual(all.slice(after))
    await expect(exportAfter(setup.server, -1)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('is not for everybody', async () => {
    await using setup = await start()
    for (const who of [setup.alice, setup.bob])
      await expect(who.client.stream(api.audit.export, {})).rejects.toMatchObject({ code: 'permission_denied' })
  })
})

describe('an idempotency key', () => {
  it('is kept for 24 hours and then forgotten', async () => {
    await using setup = await start()
    const body = { database: 'app', environment: 'development', sql: 'select 1' }
    const send = () => setup.alice.client.call(api.requests.create, { body }, { idempotencyKey: 'k-1' })
    const first = await send()
    await setup.pass(DAY)
    expect((await send()).id).toBe(first.id)
    await setup.pass(1)
    const second = await send()
    expect(second.id).not.toBe(first.id)
    await setup.pass(DAY)
    expect((await send()).id).toBe(second.id)
  })
})
