import { api, type EndpointInput, type RequestView } from '@twinlock/contract'
import { sweep } from '@twinlock/server'
import { startTestServer, submit, type TestUser } from '@twinlock/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createHoldingClock, createManualAgent, refusal } from './fixtures/manual-agent.ts'

const CONFIG = `
[[databases]]
name = "app"
environments = ["development", "production"]
dialect = "postgresql"
[[databases]]
name = "billing"
environments = ["production"]
dialect = "postgresql"
[[workflows]]
database = "*"
environment = "development"
auto_approve = "always"
[[workflows]]
database = "*"
environment = "production"
pending_ttl = "1h"
[[workflows.steps]]
approvers = [{ role = "approver" }]
[[workflows.steps]]
approvers = [{ role = "admin" }, { user = "carol" }]
mode = "any"
`
const WAIT_MS = 30_000

type Query = NonNullable<EndpointInput<typeof api.requests.list>['query']>

async function start() {
  const clock = createHoldingClock()
  const server = await startTestServer({ config: CONFIG, overrides: { clock } })
  const alice = await server.createUser('alice', 'developer')
  const bob = await server.createUser('bob', 'approver')
  const carol = await server.createUser('carol', 'developer')
  const list = (who: TestUser, query: Query = {}, signal?: AbortSignal) =>
    who.client.call(api.requests.list, { query }, signal ? { signal } : {})
  return {
    clock,
    server,
    alice,
    bob,
    carol,
    agent: createManualAgent(server, server.agentToken, 'dev-1', ['app/development']),
    list,
    numbers: async (who: TestUser, query: Query = {}) => (await list(who, query)).items.map(({ number }) => number),
    inbox: async (who: TestUser) => (await list(who, { awaiting: 'me' })).items.map(({ number }) => number),
    /** A list that is held open for its next change. */
    async watch(who: TestUser, query: Query = {}, held = 1) {
      const { version } = await list(who, query)
      const next = list(who, { ...query, version, wait: 30 })
      await clock.untilHeld(WAIT_MS, held)
      return { version, next }
    },
    review: (who: TestUser, { id }: Pick<RequestView, 'id'>, step = 1, verb: 'approve' | 'reject' = 'approve') =>
      who.client.call(api.requests[verb], { params: { id }, body: { step } }),
    cancel: (who: TestUser, { id }: Pick<RequestView, 'id'>) =>
      who.client.call(api.requests.cancel, { params: { id }, body: {} }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

describe('a list of requests', () => {
  it('is filtered by status, target and requester, all together', async () => {
    await using setup = await start()
    const { alice, carol, bob, numbers } = setup
    const one = await submit(alice.client, 'select 1', 'app/production')
    const two = await submit(carol.client, 'select 1', 'app/production')
    const three = await submit(alice.client, 'select 1', 'billing/production')
    const four = await submit(alice.client, 'select 1', 'app/development')
    await setup.review(bob, three, 1, 'reject')
    const { admin } = setup.server
    expect(await numbers(admin)).toEqual([four.number, three.number, two.number, one.number])
    expect(await numbers(admin, { status: 'pending' })).toEqual([two.number, one.number])
    expect(await numbers(admin, { target: 'app' })).toEqual([four.number, two.number, one.number])
    expect(await numbers(admin, { target: 'app/production' })).toEqual([two.number, one.number])
    expect(await numbers(admin, { requester: 'alice' })).toEqual([four.number, three.number, one.number])
    expect(await numbers(admin, { requester: 'alice', target: 'app', status: 'pending' })).toEqual([one.number])
    for (const query of [{ target: 'nowhere' }, { target: 'app/nowhere' }, { requester: 'nobody' }])
      expect(await numbers(admin, query)).toEqual([])
  })

  it('comes in pages that leave nothing out and repeat nothing', async () => {
    await using setup = await start()
    for (let i = 0; i < 7; i++)
      await submit(i % 2 ? setup.alice.client : setup.carol.client, 'select 1', 'app/production')
    for (const query of [{}, { requester: 'alice' }, { awaiting: 'me' as const }, { target: 'app' }]) {
      const whole = await setup.numbers(setup.bob, query)
      const seen: number[] = []
      for (let cursor: string | null = null; ; ) {
        const page = await setup.list(setup.bob, { ...query, limit: 2, ...(cursor === null ? {} : { cursor }) })
        seen.push(...page.items.map(({ number }) => number))
        cursor = page.next_cursor
        if (cursor === null) break
        expect(page.items).toHaveLength(2)
      }
      expect(seen).toEqual(whole)
      expect(seen.length).toBeGreaterThan(2)
    }
    expect(await refusal(setup.list(setup.bob, { cursor: 'x' }))).toMatchObject({ code: 'invalid_cursor' })
  })

  it('tells somebody who may see nothing one and the same, whatever they ask for', async () => {
    await using setup = await start()
    await submit(setup.alice.client, 'select 1', 'app/production')
    const frank = await setup.server.createUser('frank', 'readonly')
    const asked: Query[] = [
      {},
      { requester: 'alice' },
      { requester: 'nobody' },
      { target: 'app/production' },
      { target: 'nowhere' },
      { awaiting: 'me' },
      { status: 'pending', cursor: '1000' },
    ]
    const answers = await Promise.all(asked.map((query) => setup.list(frank, query)))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    const { version } = answers[0] as (typeof answers)[number]
    const waiting = setup.list(frank, { version, wait: 30, requester: 'alice' })
    await setup.clock.untilHeld(WAIT_MS, 1)
    await submit(setup.alice.client, 'select 1', 'app/production')
    await setup.clock.untilHeld(WAIT_MS, 1)
    setup.clock.advance(WAIT_MS)
    expect(await waiting).toEqual(answers[0])
  })

  it('does not carry more text than one answer can, however much there is', async () => {
    await using setup = await start()
    const sql = `select 1 -- ${'x'.repeat(120_000)}`
    for (let i = 0; i < 20; i++) await submit(setup.alice.client, sql, 'app/production')
    const first = await setup.list(setup.bob)
    expect(first.items).toHaveLength(17)
    const next = await setup.list(setup.bob, { cursor: first.next_cursor ?? '' })
    expect([...first.items, ...next.items].map(({ number }) => number)).toEqual(
      Array.from({ length: 20 }, (_, i) => 20 - i),
    )
    expect(next.next_cursor).toBeNull()
  })

  it('shows, whatever is asked for, what its reader may see of each request, and no more', async () => {
    await using setup = await start()
    const { server } = setup
    const targets = ['app/production', 'app/development', 'billing/production'] as const
    const scoped = 'approver@billing/production'
    const dora = await server.createUser('dora', scoped as 'approver')
    const erin = await server.createUser('erin', 'auditor@app/*' as 'auditor')
    const everyone = [server.admin, setup.alice, setup.bob, setup.carol, dora, erin]
    const made: RequestView[] = []
    for (const asker of [setup.alice, setup.carol, server.admin])
      for (const target of targets) made.push(await submit(asker.client, 'select 1', target))
    await setup.review(setup.bob, made[0] as RequestView)
    const query = fc.record(
      {
        status: fc.constantFrom('pending' as const, 'approved' as const),
        target: fc.constantFrom('app', 'billing', ...targets),
        requester: fc.constantFrom('alice', 'carol', 'admin', 'nobody'),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...everyone), query, async (reader, asked) => {
        const visible: number[] = []
        for (const { id, number, ...request } of made.toReversed()) {
          const wanted =
            (asked.status === undefined || request.status === asked.status) &&
            (asked.requester === undefined || request.requester === asked.requester) &&
            (asked.target === undefined || `${request.database}/${request.environment}/`.startsWith(`${asked.target}/`))
          const shown = reader.client.call(api.requests.get, { params: { id } }).then(
            () => true,
            () => false,
          )
          if (wanted && (await shown)) visible.push(number)
        }
        expect(await setup.numbers(reader, asked)).toEqual(visible)
      }),
      { numRuns: 60 },
    )
  })
})

describe('what awaits me', () => {
  it('is what I may decide at its current step', async () => {
    await using setup = await start()
    const { alice, bob, carol, inbox, server } = setup
    const request = await submit(alice.client, 'select 1', 'app/production')
    expect([await inbox(bob), await inbox(carol), await inbox(server.admin)]).toEqual([[request.number], [], []])
    await setup.review(bob, request)
    expect([await inbox(bob), await inbox(carol), await inbox(server.admin)]).toEqual([
      [],
      [request.number],
      [request.number],
    ])
    await setup.review(carol, request, 2)
    expect([await inbox(bob), await inbox(carol), await inbox(server.admin)]).toEqual([[], [], []])
  })

  it('is never my own, nor what I have reviewed, nor what has ended', async () => {
    await using setup = await start()
    const { bob, inbox, server } = setup
    const frank = await server.createUser('frank', 'developer')
    const both = await server.createUser('grace', 'developer')
    const own = await submit(setup.carol.client, 'select 1', 'app/production')
    await setup.review(bob, own)
    expect(await inbox(setup.carol)).toEqual([])
    const withdrawn = await submit(frank.client, 'select 1', 'app/production')
    expect(await inbox(bob)).toEqual([withdrawn.number])
    await setup.cancel(frank, withdrawn)
    expect(await inbox(bob)).toEqual([])
    expect(await inbox(both)).toEqual([])
  })

  it('is exactly what I can then decide', async () => {
    await using setup = await start()
    const { server } = setup
    const dora = await server.createUser('dora', 'approver@billing/production' as 'approver')
    const everyone = [server.admin, setup.alice, setup.bob, setup.carol, dora]
    const made: RequestView[] = []
    for (const asker of [setup.alice, setup.carol, server.admin])
      for (const target of ['app/production', 'billing/production', 'app/development'])
        made.push(await submit(asker.client, 'select 1', target))
    for (const { id, number, status } of made) {
      if (status !== 'pending') continue
      for (const step of [1, 2])
        for (const who of everyone) {
          const waits = (await setup.inbox(who)).includes(number)
          const answer = await refusal(who.client.call(api.requests.approve, { params: { id }, body: { step } }))
          const current = (await server.admin.client.call(api.requests.get, { params: { id } })).current_step
          if (answer === 'not refused') expect(waits).toBe(true)
          else if (current === step) expect(waits).toBe(false)
        }
    }
  })

  it('is filtered like any list', async () => {
    await using setup = await start()
    const one = await submit(setup.alice.client, 'select 1', 'app/production')
    await submit(setup.carol.client, 'select 1', 'billing/production')
    const { numbers, bob } = setup
    expect(await numbers(bob, { awaiting: 'me', requester: 'alice' })).toEqual([one.number])
    expect(await numbers(bob, { awaiting: 'me', target: 'app', status: 'pending' })).toEqual([one.number])
    expect(await numbers(bob, { awaiting: 'me', status: 'approved' })).toEqual([])
  })
})

describe('a list that is watched', () => {
  it('has one version as long as it shows the same', async () => {
    await using setup = await start()
    const { alice, list } = setup
    const empty = await list(alice)
    expect((await list(alice)).version).toBe(empty.version)
    const request = await submit(alice.client, 'select 1', 'app/production')
    const seen = new Set([empty.version])
    for (const change of [
      async () => {},
      () => alice.client.call(api.requests.comment, { params: { id: request.id }, body: { text: 'please' } }),
      () => setup.review(setup.bob, request),
      () => setup.review(setup.carol, request, 2),
      () => alice.client.call(api.requests.execute, { params: { id: request.id }, body: {} }),
      () => submit(alice.client, 'select 2', 'app/production', { replaces: request.id }),
    ]) {
      await change()
      const { version } = await list(alice)
      expect((await list(alice)).version).toBe(version)
      seen.add(version)
    }
    expect(seen.size).toBe(7)
  })

  it('is answered at once when it is another than the version', async () => {
    await using setup = await start()
    const { version } = await setup.list(setup.bob, { awaiting: 'me' })
    const request = await submit(setup.alice.client, 'select 1', 'app/production')
    const answer = await setup.list(setup.bob, { awaiting: 'me', version, wait: 30 })
    expect(answer.items).toMatchObject([{ number: request.number }])
    expect((await setup.list(setup.bob, { wait: 30 })).items).toHaveLength(1)
  })

  it('is answered with what appears, what changes and what goes', async () => {
    await using setup = await start()
    const { alice, bob, watch } = setup
    const first = await watch(bob, { awaiting: 'me' })
    const request = await submit(alice.client, 'select 1', 'app/production')
    expect(await first.next).toMatchObject({ items: [{ number: request.number }] })

    const second = await watch(bob, { awaiting: 'me' })
    await alice.client.call(api.requests.comment, { params: { id: request.id }, body: { text: 'please' } })
    expect(await second.next).toMatchObject({ items: [{ comments: [{ text: 'please' }] }] })

    const third = await watch(bob, { awaiting: 'me' })
    await setup.cancel(alice, request)
    expect(await third.next).toMatchObject({ items: [] })
  })

  it('is answered with every move of an execution', async () => {
    await using setup = await start()
    const { alice, agent } = setup
    const request = await submit(alice.client, 'select 1', 'app/development')
    let held: Awaited<ReturnType<typeof agent.poll>>[number] | undefined
    for (const [status, move] of [
      ['queued', () => alice.client.call(api.requests.execute, { params: { id: request.id }, body: {} })],
      ['leased', async () => ([held] = await agent.poll())],
      ['queued', () => agent.handBack(held as never)],
      ['leased', async () => ([held] = await agent.poll())],
      ['running', () => agent.start(held as never)],
      ['succeeded', () => agent.report(held as never)],
    ] as const) {
      const { next } = await setup.watch(alice)
      await move()
      expect(await next).toMatchObject({ items: [{ latest_execution: { status } }] })
    }
  })

  it('is not disturbed by what is on other lists', async () => {
    await using setup = await start()
    const { alice, bob, carol, clock } = setup
    const inbox = await setup.watch(bob, { awaiting: 'me' })
    const mine = await setup.watch(carol, { requester: 'carol' }, 2)
    const other = await submit(alice.client, 'select 1', 'app/development')
    await alice.client.call(api.requests.execute, { params: { id: other.id }, body: {} })
    await clock.untilHeld(WAIT_MS, 2)
    clock.advance(WAIT_MS)
    expect((await inbox.next).version).toBe(inbox.version)
    expect((await mine.next).version).toBe(mine.version)
  })

  it('is answered with what it was when its time is over', async () => {
    await using setup = await start()
    const { version } = await setup.list(setup.bob)
    const waiting = setup.list(setup.bob, { version, wait: 5 })
    await setup.clock.untilHeld(5000, 1)
    setup.clock.advance(5000)
    expect(await waiting).toEqual({ items: [], next_cursor: null, version })
  })

  it('shows that time has ended a request', async () => {
    await using setup = await start()
    await submit(setup.alice.client, 'select 1', 'app/production')
    setup.clock.advance(3_599_000)
    const { next } = await setup.watch(setup.bob, { awaiting: 'me' })
    setup.clock.advance(1000)
    await sweep(setup.server.server.ctx)
    expect(await next).toMatchObject({ items: [] })
  })

  it('is answered when people change: who may review it, and by whose roles it is read', async () => {
    await using setup = await start()
    const { alice, bob, server, watch, clock } = setup
    const user = (verb: 'suspend' | 'activate', name: string) =>
      server.admin.client.call(api.identity[`${verb}User`], { params: { name }, body: {} })
    await submit(alice.client, 'select 1', 'app/production')

    const candidates = await watch(alice)
    await server.createUser('dora', 'approver')
    expect((await candidates.next).items[0]?.steps[0]?.approvers[0]?.candidates).toContain('dora')

    const frozen = await watch(bob, { awaiting: 'me' })
    await user('suspend', 'alice')
    expect((await frozen.next).items).toEqual([])
    const thawed = await watch(bob, { awaiting: 'me' })
    await user('activate', 'alice')
    expect((await thawed.next).items).toHaveLength(1)

    const demoted = await watch(bob)
    await server.admin.client.call(api.identity.updateUser, { params: { name: 'bob' }, body: { roles: ['readonly'] } })
    expect((await demoted.next).items).toEqual([])
    await clock.untilHeld(WAIT_MS, 0)
  })

  it('reads again only for those whom a change concerns, and once for a burst', async () => {
    await using setup = await start()
    const { ctx } = setup.server.server
    const watchers = 20
    const { version } = await setup.list(setup.bob, { awaiting: 'me' })
    const held = Array.from({ length: watchers }, () => setup.list(setup.bob, { awaiting: 'me', version, wait: 30 }))
    await setup.clock.untilHeld(WAIT_MS, watchers)
    await Promise.all(Array.from({ length: 10 }, () => submit(setup.alice.client, 'select 1', 'app/development')))
    expect(ctx.requestFeed.isWatched()).toBe(true)
    await setup.clock.untilHeld(WAIT_MS, watchers)
    await submit(setup.alice.client, 'select 1', 'app/production')
    for (const { items } of await Promise.all(held)) expect(items).toHaveLength(1)
    expect(ctx.requestFeed.isWatched()).toBe(false)
  })

  it('of somebody who has gone away is forgotten', async () => {
    await using setup = await start()
    const gone = new AbortController()
    const { version } = await setup.list(setup.bob)
    const waiting = refusal(setup.list(setup.bob, { version, wait: 30 }, gone.signal))
    await setup.clock.untilHeld(WAIT_MS, 1)
    gone.abort()
    await waiting
    await setup.clock.untilHeld(WAIT_MS, 0)
    expect(setup.server.server.ctx.requestFeed.isWatched()).toBe(false)
  })
})
