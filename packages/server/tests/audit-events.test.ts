import { type AuditEventView, api, type EndpointInput } from '@twinlock/contract'
import { readAuditRecords, startTestServer, submit, type TestUser } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'
import { appendAudit } from '../src/audit/append-audit.ts'
import { createHoldingClock, createManualAgent, refusal } from './fixtures/manual-agent.ts'

const WAIT_MS = 30_000
type Query = NonNullable<EndpointInput<typeof api.audit.events>['query']>

async function start() {
  const clock = createHoldingClock()
  const server = await startTestServer({ overrides: { clock } })
  const alice = await server.createUser('alice', 'developer')
  const bob = await server.createUser('bob', 'approver')
  const erin = await server.createUser('erin', 'auditor')
  const page = (query: Query = {}, who: TestUser = erin) => who.client.call(api.audit.events, { query })
  /** All pages, however long each is. */
  async function all(query: Query = {}): Promise<AuditEventView[]> {
    const items: AuditEventView[] = []
    for (let cursor: string | null = null; ; ) {
      const next = await page({ limit: 200, ...query, ...(cursor === null ? {} : { cursor }) })
      items.push(...next.items)
      cursor = next.next_cursor
      if (cursor === null) return items
    }
  }
  return {
    clock,
    server,
    alice,
    bob,
    erin,
    agent: createManualAgent(server, server.agentToken, 'dev-1', ['app/development']),
    page,
    all,
    head: async () => (await page({ limit: 1 })).items[0]?.seq ?? 0,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

describe('the events of the log', () => {
  it('are its records, newest first, as they are stored', async () => {
    await using setup = await start()
    await submit(setup.alice.client, 'select 1', 'app/production')
    const records = await readAuditRecords(setup.server)
    const expected = records.map(({ seq, hash, body }) => {
      const { v: _, ...rest } = JSON.parse(body ?? '')
      return { seq, hash, ...rest }
    })
    expect((await setup.page({ limit: 200 })).items).toEqual(expected.toReversed())
    expect(await setup.all({ limit: 3 })).toEqual(expected.toReversed())
  })

  it('are found by type, kind of type, actor and subject, all together', async () => {
    await using setup = await start()
    const { alice, bob, all } = setup
    const request = await submit(alice.client, 'select 1', 'app/production')
    await submit(alice.client, 'select 1', 'app/production')
    await bob.client.call(api.requests.reject, { params: { id: request.id }, body: { step: 1 } })
    const types = async (query: Query) => (await all(query)).map(({ type }) => type)
    expect(await types({ type: 'request.rejected' })).toEqual(['request.rejected'])
    expect(await types({ type: 'request.' })).toEqual(['request.rejected', 'request.created', 'request.created'])
    expect(await types({ type: 'review.', actor: 'bob' })).toEqual(['review.rejected'])
    expect(await types({ type: 'review.', actor: 'alice' })).toEqual([])
    expect(await types({ actor: 'alice' })).toEqual(['request.created', 'request.created'])
    expect(await types({ subject: request.id })).toEqual(['request.rejected', 'review.rejected', 'request.created'])
    expect(await types({ subject: request.id, actor: 'server' })).toEqual(['request.rejected'])
    expect(await types({ subject: 'alice' })).toContain('user.created')
    for (const query of [{ type: 'nothing.' }, { type: 'nothing.happened' }, { actor: 'nobody' }, { subject: '4711' }])
      expect(await types(query)).toEqual([])
  })

  it('about a request are those of its executions too, by its number or its id', async () => {
    await using setup = await start()
    const { alice, agent, all } = setup
    const request = await submit(alice.client, 'select 1', 'app/development')
    const other = await submit(alice.client, 'select 1', 'app/development', { start: 'on_approval' })
    const [lease] = await agent.poll()
    if (!lease) throw new Error('the agent got nothing')
    await agent.start(lease)
    await agent.report(lease)
    const types = [
      'request.completed',
      'execution.succeeded',
      'execution.started',
      'execution.leased',
      'execution.queued',
      'request.approved',
      'request.created',
    ]
    for (const subject of [String(other.number), other.id])
      expect((await all({ subject })).map(({ type }) => type)).toEqual(types)
    expect((await all({ subject: lease.execution_id })).map(({ type }) => type)).toEqual(types.slice(1, 5))
    expect(await all({ subject: String(request.number) })).toHaveLength(2)
  })

  it('are found by time, also where the clock went back', async () => {
    await using setup = await start()
    const { alice, clock, all } = setup
    const at = () => new Date(clock.now()).toISOString()
    const began = at()
    clock.advance(60_000)
    const first = await submit(alice.client, 'select 1', 'app/production')
    const middle = at()
    clock.advance(60_000)
    const second = await submit(alice.client, 'select 1', 'app/production')
    const ids = async (query: Query) =>
      (await all({ type: 'request.created', ...query })).map(({ subject }) => subject?.id)
    expect(await ids({ since: middle })).toEqual([second.id, first.id])
    expect(await ids({ since: new Date(clock.now() - 1).toISOString() })).toEqual([second.id])
    expect(await ids({ until: middle })).toEqual([first.id])
    expect(await ids({ until: began })).toEqual([])
    expect(await ids({ since: new Date(clock.now() + 1).toISOString() })).toEqual([])
    expect(await ids({ since: began, until: at() })).toEqual([second.id, first.id])
    clock.advance(-90_000)
    const third = await submit(alice.client, 'select 1', 'app/production')
    expect(await ids({ since: new Date(clock.now() + 90_000).toISOString() })).toEqual([third.id, second.id])
  })

  it('are for those who may read the log', async () => {
    await using setup = await start()
    for (const who of [setup.alice, setup.bob])
      expect(await refusal(setup.page({}, who))).toMatchObject({ code: 'permission_denied' })
    expect((await setup.page({}, setup.server.admin)).items.length).toBeGreaterThan(0)
    expect(await refusal(setup.page({ cursor: 'x' }))).toMatchObject({ code: 'invalid_cursor' })
    for (const query of [{ type: 'Request' }, { since: 'yesterday' }, { after: -1 }])
      expect(await refusal(setup.page(query))).toMatchObject({ code: 'invalid_request' })
  })
})

describe('following the log', () => {
  it('tells what came after, oldest first, and from where to go on', async () => {
    await using setup = await start()
    const after = await setup.head()
    const request = await submit(setup.alice.client, 'select 1', 'app/development')
    const types = ['request.created', 'request.approved']
    const found = await setup.page({ after })
    expect(found.items.map(({ type }) => type)).toEqual(types)
    expect(found.next_cursor).toBe(String(after + 2))
    expect(await setup.page({ after: after + 2 })).toEqual({ items: [], next_cursor: String(after + 2) })
    expect((await setup.page({ after, limit: 1 })).next_cursor).toBe(String(after + 1))
    const rest = await setup.page({ after, cursor: String(after + 1), subject: request.id })
    expect(rest.items.map(({ type }) => type)).toEqual(types.slice(1))
    expect((await setup.page({ after, type: 'user.' })).next_cursor).toBe(String(after + 2))
  })

  it('waits until there is something, and misses nothing', async () => {
    await using setup = await start()
    const after = await setup.head()
    const waiting = [setup.page({ after, wait: 30 }), setup.page({ after, wait: 30, type: 'review.' })]
    await setup.clock.untilHeld(WAIT_MS, 2)
    const { id } = await submit(setup.alice.client, 'select 1', 'app/production')
    expect((await waiting[0])?.items.map(({ type }) => type)).toEqual(['request.created'])
    await setup.clock.untilHeld(WAIT_MS, 1)
    await setup.bob.client.call(api.requests.approve, { params: { id }, body: { step: 1 } })
    expect((await waiting[1])?.items.map(({ type }) => type)).toEqual(['review.approved'])
    expect(setup.server.server.ctx.auditFeed.isWatched()).toBe(false)
  })

  it('hears of what changed nothing else', async () => {
    await using setup = await start()
    const waiting = setup.page({ after: await setup.head(), wait: 30 })
    await setup.clock.untilHeld(WAIT_MS, 1)
    await refusal(setup.alice.client.call(api.audit.events, {}))
    expect((await waiting).items).toMatchObject([{ type: 'access.denied', actor: { id: 'alice' } }])
  })

  it('is over for somebody who loses the right to it while they wait', async () => {
    await using setup = await start()
    const waiting = refusal(setup.page({ after: await setup.head(), wait: 30 }))
    await setup.clock.untilHeld(WAIT_MS, 1)
    const demoted = { params: { name: 'erin' }, body: { roles: ['readonly'] } }
    await setup.server.admin.client.call(api.identity.updateUser, demoted)
    expect(await waiting).toMatchObject({ code: 'permission_denied' })
  })

  it('is over with nothing when its time is', async () => {
    await using setup = await start()
    const after = await setup.head()
    const waiting = setup.page({ after, wait: 30, type: 'user.' })
    await setup.clock.untilHeld(WAIT_MS, 1)
    await submit(setup.alice.client, 'select 1', 'app/development')
    await setup.clock.untilHeld(WAIT_MS, 1)
    setup.clock.advance(WAIT_MS)
    expect((await waiting).items).toEqual([])
  })

  it('misses nothing while much is written', async () => {
    await using setup = await start()
    let position = await setup.head()
    const first = position
    const written = Promise.all(
      Array.from({ length: 60 }, () => submit(setup.alice.client, 'select 1', 'app/development')),
    )
    const seen: number[] = []
    while (seen.length < 120) {
      const { items, next_cursor } = await setup.page({ after: position, wait: 30, limit: 7 })
      seen.push(...items.map(({ seq }) => seq))
      position = Number(next_cursor)
    }
    await written
    expect(seen).toEqual(Array.from({ length: 120 }, (_, i) => first + 1 + i))
  })
})

describe('a long log', () => {
  it('is exported to its reader for as long as they may read it', async () => {
    await using setup = await start()
    const { ctx } = setup.server.server
    const event = { type: 'access.denied', actor: { type: 'user', id: 'alice' }, subject: null, data: {} } as const
    const events = Array.from({ length: 20_000 }, () => event)
    await ctx.db.transact((tx) => appendAudit(ctx, tx, ...events))
    const lines = (await setup.erin.client.stream(api.audit.export, { query: { after: 0 } }))[Symbol.asyncIterator]()
    expect((await lines.next()).done).toBe(false)
    const demoted = { params: { name: 'erin' }, body: { roles: ['readonly'] } }
    await setup.server.admin.client.call(api.identity.updateUser, demoted)
    const rest = (async () => {
      while (!(await lines.next()).done);
    })()
    await expect(rest).rejects.toThrow()
  })

  it('is searched in parts: an empty page says where to go on', async () => {
    await using setup = await start()
    const { ctx } = setup.server.server

    const actor = { type: 'user' as const, id: 'alice' }
    for (let i = 0; i < 12; i++)
      await ctx.db.transact((tx) => appendAudit(ctx, tx, ...Array.from({ length: 1000 }, () => denied(actor))))
    const created = { actor: 'alice', type: 'request.created' }
    await submit(setup.alice.client, 'select 1', 'app/production')
    for (let i = 0; i < 12; i++)
      await ctx.db.transact((tx) => appendAudit(ctx, tx, ...Array.from({ length: 1000 }, () => denied(actor))))
    const first = await setup.page(created)
    expect(first.items).toEqual([])
    expect(first.next_cursor).not.toBeNull()
    expect(await setup.all(created)).toHaveLength(1)
    let position = 0
    const followed: AuditEventView[] = []
    for (let calls = 0; calls < 5; calls++) {
      const { items, next_cursor } = await setup.page({ ...created, after: position })
      followed.push(...items)
      position = Number(next_cursor)
    }
    expect(followed).toHaveLength(1)
    expect(position).toBe(await setup.head())
  })
})

function denied(actor: { type: 'user'; id: string }) {
  return { type: 'access.denied' as const, actor, subject: null, data: { endpoint: 'none', code: 'permission_denied' } }
}
