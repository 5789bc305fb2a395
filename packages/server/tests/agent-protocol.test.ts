import { api, LEASE_MS, POLL_HOLD_S, START_WITHIN_MS } from '@twinlock/contract'
import { encodeWorkOrder, executionTokenSchema, openEnvelope, parseWorkOrder } from '@twinlock/evidence'
import { readAuditBodies } from '@twinlock/testing'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { createManualAgent, type Held, journalId, type ManualAgent, refusal } from './fixtures/manual-agent.ts'
import { type ProtocolSetup, startProtocol } from './fixtures/protocol-setup.ts'

const HOUR = 3_600_000
const HOLD_MS = POLL_HOLD_S * 1000
const DEVELOPMENT = { database: 'app', environment: 'development', dialect: 'postgresql', operations: null } as const
const PRODUCTION = { ...DEVELOPMENT, environment: 'production' } as const

/** Queues one execution and gives it to an agent. */
async function lease(setup: ProtocolSetup, agent: ManualAgent = setup.dev) {
  const { request, id } = await setup.queue()
  const [held] = await agent.poll()
  if (held === undefined) throw new Error('the agent got nothing')
  expect(held.execution_id).toBe(id)
  return { request, id, held }
}

function openToken(setup: ProtocolSetup, envelope: unknown) {
  const { publicKey } = setup.server.server.ctx.signingKey
  const opened = openEnvelope('execution-token', envelope, publicKey, executionTokenSchema)
  if (!opened.ok) throw new Error(opened.detail)
  return opened.payload
}

describe('an agent', () => {
  it("is given only the work of its token's targets", async () => {
    await using setup = await startProtocol()
    const development = await setup.queue('app/development')
    const production = await setup.queue('app/production')
    expect((await setup.prod.poll({ free_capacity: 10 })).map((given) => given.execution_id)).toEqual([production.id])
    expect((await setup.dev.poll({ free_capacity: 10 })).map((given) => given.execution_id)).toEqual([development.id])
  })

  it('that announces other targets gets no more, and the log says so once', async () => {
    await using setup = await startProtocol()
    const development = await setup.queue('app/development')
    const production = await setup.queue('app/production')
    const greedy = { targets: [DEVELOPMENT, PRODUCTION], free_capacity: 10 }
    expect((await setup.prod.poll(greedy)).map((given) => given.execution_id)).toEqual([production.id])
    await setup.queue('app/production')
    await setup.prod.poll(greedy)
    expect(await setup.status(development.id)).toBe('queued')
    expect((await setup.events('prod-1')).filter(({ type }) => type === 'agent.targets_ignored')).toMatchObject([
      { actor: { type: 'agent', id: 'prod-1' }, data: { targets: ['app/development'] } },
    ])
  })

  it('that takes a target for another kind of database is not given its work', async () => {
    await using setup = await startProtocol()
    const { id } = await setup.queue('app/development')
    const gone = new AbortController()
    const poll = refusal(setup.dev.poll({ targets: [{ ...DEVELOPMENT, dialect: 'mysql' }] }, gone.signal))
    await setup.clock.untilHeld(HOLD_MS, 1)
    expect(await setup.status(id)).toBe('queued')
    gone.abort()
    await poll
  })

  it('is given as much as it has room for, the oldest first', async () => {
    await using setup = await startProtocol()
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      ids.push((await setup.queue()).id)
      setup.clock.advance(1)
    }
    expect((await setup.dev.poll({ free_capacity: 2 })).map((given) => given.execution_id)).toEqual(ids.slice(0, 2))
    expect(await setup.status(ids[2] ?? '')).toBe('queued')
  })

  it('without a feature that the order needs, or that is not its executor, is passed over', async () => {
    await using setup = await startProtocol()
    const rewrite = async (change: { features?: string[]; executor?: string }) => {
      const { request, id } = await setup.queue()
      const { ctx } = setup.server.server
      const row = await ctx.db.read.selectFrom('requests').select('work_order').where('id', '=', request.id).execute()
      const order = parseWorkOrder(row[0]?.work_order ?? '')
      if (!order.ok) throw new Error(order.detail)
      const text = encodeWorkOrder({ ...order.payload, ...change })
      // The schema refuses this, as it should; the rule is taken away to see what the code makes of such an order.
      await ctx.db.transact((tx) => sql`drop trigger if exists requests_are_frozen`.execute(tx))
      await ctx.db.transact((tx) => sql`update requests set work_order = ${text} where id = ${request.id}`.execute(tx))
      return id
    }
    const sealed = await rewrite({ features: ['sealed_results'] })
    const elsewhere = await rewrite({ executor: 'dev-2' })
    const plain = (await setup.queue()).id
    const given = await setup.dev.poll({ free_capacity: 10 })
    expect(given.map((lease) => lease.execution_id)).toEqual([plain])
    expect([await setup.status(sealed), await setup.status(elsewhere)]).toEqual(['queued', 'queued'])
    const able = await setup.dev.poll({ free_capacity: 10, features: ['other', 'sealed_results'] })
    expect(able.map((lease) => lease.execution_id)).toEqual([sealed])
  })

  it("cannot do anything with another token's execution: it is answered as if there were none", async () => {
    await using setup = await startProtocol()
    const { id, held } = await lease(setup)
    const twin = await setup.newAgent('dev-2', 'app/development')
    const calls: ((agent: ManualAgent, held: Held) => Promise<unknown>)[] = [
      (agent, held) => agent.start(held),
      (agent, held) => agent.heartbeat(held),
      (agent, held) => agent.handBack(held),
      (agent, held) => agent.chunk(held, 0, 'x'),
      (agent, held) => agent.report(held),
    ]
    const missing = { execution_id: `exe_${'0'.repeat(26)}`, lease_id: held.lease_id }
    for (const state of ['leased', 'running']) {
      expect(await setup.status(id)).toBe(state)
      for (const agent of [setup.prod, twin])
        for (const call of calls) {
          const answer = await refusal(call(agent, held))
          expect(answer).toMatchObject({ code: 'execution_not_found' })
          expect(answer).toEqual(await refusal(call(agent, missing)))
        }
      if (state === 'leased') await setup.dev.start(held)
    }
    expect(await setup.status(id)).toBe('running')
  })

  it('keeps its id from a token for other targets', async () => {
    await using setup = await startProtocol()
    const { id } = await lease(setup)
    const impostor = createManualAgent(setup.server, await setup.newToken('app/production'), 'dev-1', [
      'app/production',
    ])
    await setup.queue()
    for (let i = 0; i < 2; i++) await expect(impostor.poll()).rejects.toMatchObject({ code: 'agent_id_taken' })
    expect(await setup.show(id)).toMatchObject({ status: 'leased', agent: 'dev-1' })
    const refused = (await readAuditBodies(setup.server)).filter(({ type }) => type === 'agent.refused')
    expect(refused).toMatchObject([{ actor: { id: 'dev-1' }, data: { code: 'agent_id_taken' } }])
  })

  it('goes on with a new token for its targets, and what it was running is still its own', async () => {
    await using setup = await startProtocol()
    const { id, held } = await lease(setup)
    await setup.dev.start(held)
    const renewed = createManualAgent(setup.server, await setup.newToken('app/development'), 'dev-1', [
      'app/development',
    ])
    const next = await setup.queue()
    expect((await renewed.poll()).map((given) => given.execution_id)).toEqual([next.id])
    expect((await setup.events('dev-1')).at(-1)).toMatchObject({ type: 'agent.token_changed' })
    await expect(setup.dev.heartbeat(held)).rejects.toMatchObject({ code: 'execution_not_found' })
    await renewed.heartbeat(held)
    expect(await setup.status(id)).toBe('running')
  })

  it('whose disk is new has lost the lease it had: no token is made for the new journal', async () => {
    await using setup = await startProtocol()
    const { held } = await lease(setup)
    await setup.dev.start(held)
    await setup.queue()
    await setup.dev.poll({ journal_id: journalId('fresh') })
    await expect(setup.dev.start(held)).rejects.toMatchObject({ code: 'lease_lost' })
  })

  it('with another journal is in the log, and its next token is for the new journal', async () => {
    await using setup = await startProtocol()
    const first = await lease(setup)
    const before = openToken(setup, (await setup.dev.start(first.held)).token)
    expect(before.journal_id).toBe(journalId('dev-1'))
    await setup.queue()
    const [held] = await setup.dev.poll({ journal_id: journalId('fresh') })
    expect(await setup.events('dev-1')).toMatchObject([
      { type: 'agent.registered', data: { journal_id: journalId('dev-1') } },
      { type: 'agent.journal_changed', data: { was: journalId('dev-1'), journal_id: journalId('fresh') } },
    ])
    if (held === undefined) throw new Error('the agent got nothing')
    expect(openToken(setup, (await setup.dev.start(held)).token).journal_id).toBe(journalId('fresh'))
  })

  it('may say more than this server knows', async () => {
    await using setup = await startProtocol()
    const { id } = await setup.queue()
    const later = { mood: 'good', targets: [{ ...DEVELOPMENT, shards: 3 }] }
    expect(await setup.dev.poll(later)).toMatchObject([{ execution_id: id }])
  })

  it("cannot use what is for people, nor people what is an agent's", async () => {
    await using setup = await startProtocol()
    const bearer = await setup.newToken('app/development')
    const headers = { authorization: `Bearer ${bearer}` }
    const answer = await fetch(`${setup.server.url}/api/v1/requests`, { headers })
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'permission_denied' }])
    const person = createManualAgent(setup.server, setup.server.admin.token, 'dev-9', ['app/development'])
    await expect(person.poll()).rejects.toMatchObject({ code: 'permission_denied' })
  })
})

describe('a lease', () => {
  it('that is not followed by a start ends after ten seconds, and the execution is given out again', async () => {
    await using setup = await startProtocol()
    const { id, held } = await lease(setup)
    await setup.pass(START_WITHIN_MS - 1)
    expect(await setup.status(id)).toBe('leased')
    await setup.pass(1)
    expect(await setup.show(id)).toMatchObject({ status: 'queued', agent: null })
    const [again] = await setup.dev.poll()
    expect(again?.execution_id).toBe(id)
    expect(again?.lease_id).not.toBe(held.lease_id)
    expect(again?.work_order).toBe(held.work_order)
    const types = (await setup.events(id)).map(({ type }) => type)
    expect(types).toEqual(['execution.queued', 'execution.leased', 'execution.requeued', 'execution.leased'])
  })

  it('is lost once the execution was leased again: nothing can be done with the old one', async () => {
    await using setup = await startProtocol()
    const { id, held: old } = await lease(setup)
    await setup.pass(START_WITHIN_MS)
    const [held] = await setup.dev.poll()
    if (held === undefined) throw new Error('the agent got nothing')
    const everything = async () => {
      for (const call of [
        setup.dev.start(old),
        setup.dev.heartbeat(old),
        setup.dev.handBack(old),
        setup.dev.chunk(old, 0, 'x'),
        setup.dev.report(old),
      ])
        await expect(call).rejects.toMatchObject({ code: 'lease_lost' })
    }
    await everything()
    await setup.dev.start(held)
    await everything()
    expect(await setup.status(id)).toBe('running')
  })

  it('that has ended starts nothing, also before anybody has marked it', async () => {
    await using setup = await startProtocol()
    const { id, held } = await lease(setup)
    const { ctx } = setup.server.server
    await ctx.db.transact((tx) =>
      sql`update executions set lease_expires_at = ${ctx.clock.now()} where id = ${id}`.execute(tx),
    )
    await expect(setup.dev.start(held)).rejects.toMatchObject({ code: 'lease_lost' })
    expect(await setup.status(id)).toBe('leased')
  })

  it('that is handed back is free for another agent, and costs nothing', async () => {
    await using setup = await startProtocol()
    const { request, id, held } = await lease(setup)
    await setup.dev.handBack(held)
    expect(await setup.show(id)).toMatchObject({ status: 'queued', agent: null, started_at: null })
    expect((await setup.showRequest(request.id)).executions_left).toBe(1)
    const other = await setup.newAgent('dev-2', 'app/development')
    expect(await other.poll()).toMatchObject([{ execution_id: id }])
    expect((await setup.events(id)).map(({ type, data }) => [type, data.why])).toContainEqual([
      'execution.requeued',
      'handed_back',
    ])
  })

  it('wakes those who wait when it is handed back', async () => {
    await using setup = await startProtocol()
    const { id, held } = await lease(setup)
    const other = await setup.newAgent('dev-2', 'app/development')
    const poll = other.poll()
    await setup.clock.untilHeld(HOLD_MS, 1)
    await setup.dev.handBack(held)
    expect(await poll).toMatchObject([{ execution_id: id }])
  })

  it('cannot be handed back once it has started', async () => {
    await using setup = await startProtocol()
    const { id, held } = await lease(setup)
    await setup.dev.start(held)
    await expect(setup.dev.handBack(held)).rejects.toMatchObject({ code: 'lease_lost' })
    expect(await setup.status(id)).toBe('running')
  })

  it('of a running execution lasts as long as heartbeats extend it', async () => {
    await using setup = await startProtocol()
    const { id, held } = await lease(setup)
    await setup.dev.start(held)
    for (let i = 0; i < 3; i++) {
      await setup.pass(LEASE_MS - 1)
      expect(Date.parse(await setup.dev.heartbeat(held))).toBe(setup.clock.now() + LEASE_MS)
    }
    await setup.pass(LEASE_MS - 1)
    expect(await setup.status(id)).toBe('running')
    await setup.pass(1)
    expect(await setup.show(id)).toMatchObject({ status: 'lost', effect: null, error: { code: 'agent_lost' } })
    await expect(setup.dev.heartbeat(held)).rejects.toMatchObject({ code: 'lease_lost' })
  })

  it('has no heartbeat before the start', async () => {
    await using setup = await startProtocol()
    const { id, held } = await lease(setup)
    await expect(setup.dev.heartbeat(held)).rejects.toMatchObject({ code: 'execution_closed' })
    await setup.pass(START_WITHIN_MS)
    expect(await setup.status(id)).toBe('queued')
  })
})

describe('a start', () => {
  it('is answered with a token for this agent, this journal and this order', async () => {
    await using setup = await startProtocol()
    const { request, id, held } = await lease(setup)
    const { token, server_time } = await setup.dev.start(held)
    const { ctx } = setup.server.server
    expect(openToken(setup, token)).toMatchObject({
      server_id: ctx.serverId,
      agent_id: 'dev-1',
      journal_id: journalId('dev-1'),
      execution_id: id,
      request_id: request.id,
      work_order_digest: request.work_order_digest,
      approvals: [{ step: null, via: 'auto', by: null, review: null }],
    })
    expect(Date.parse(server_time)).toBe(setup.clock.now())
    expect((await setup.showRequest(request.id)).executions_left).toBe(0)
  })

  it('that is repeated gives a fresh token of the same content, and takes no second slot', async () => {
    await using setup = await startProtocol()
    const { request, id, held } = await lease(setup)
    const first = openToken(setup, (await setup.dev.start(held)).token)
    setup.clock.advance(5000)
    const second = openToken(setup, (await setup.dev.start(held)).token)
    expect(second).toEqual({ ...first, not_before: expect.any(String), expires_at: expect.any(String) })
    expect(Date.parse(second.expires_at) - Date.parse(first.expires_at)).toBe(5000)
    expect((await setup.events(id)).filter(({ type }) => type === 'execution.started')).toHaveLength(1)
    expect((await setup.showRequest(request.id)).status).toBe('approved')
  })

  it('after the approval has expired is refused, and what waited for it ends', async () => {
    await using setup = await startProtocol()
    const { request, id } = await setup.queue()
    await setup.pass(HOUR - 1000)
    const [held] = await setup.dev.poll()
    if (held === undefined) throw new Error('the agent got nothing')
    await setup.pass(1000)
    await expect(setup.dev.start(held)).rejects.toMatchObject({ code: 'approval_expired' })
    expect(await setup.show(id)).toMatchObject({ status: 'leased', started_at: null })
    await setup.pass(START_WITHIN_MS)
    expect(await setup.showRequest(request.id)).toMatchObject({
      status: 'expired',
      latest_execution: { status: 'cancelled', effect: 'none' },
    })
  })

  it('of a withdrawn execution is refused', async () => {
    await using setup = await startProtocol()
    const { request, held } = await lease(setup)
    await setup.alice.client.call(api.requests.cancel, { params: { id: request.id }, body: {} })
    await expect(setup.dev.start(held)).rejects.toMatchObject({ code: 'execution_closed' })
  })
})
