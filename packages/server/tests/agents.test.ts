import { api, POLL_HOLD_S } from '@twinlock/contract'
import { readAuditBodies } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ManualAgent, pollBody, refusal } from './fixtures/manual-agent.ts'
import { type ProtocolSetup, startProtocol } from './fixtures/protocol-setup.ts'

const HOLD_MS = POLL_HOLD_S * 1000
const OK = { status: 'ok', server_version: 'PostgreSQL 18.4', code: null } as const
const REFUSED = { status: 'refused', server_version: null, code: 'pooler_detected' } as const

let setup: ProtocolSetup
beforeAll(async () => {
  setup = await startProtocol()
})
afterAll(() => setup[Symbol.asyncDispose]())

const listAs = async (who = setup.server.admin) => (await who.client.call(api.agents.list, {})).items
const find = async (id: string) => (await listAs()).find((agent) => agent.id === id)
const targetsOf = (state: typeof OK | typeof REFUSED, ...targets: string[]) =>
  pollBody('any', targets).targets.map((target) => ({ ...target, state }))

/** A poll that is held, and what ends it. */
async function hold(agent: ManualAgent, change: Parameters<ManualAgent['ask']>[0] = {}) {
  const gone = new AbortController()
  const answer = refusal(agent.ask(change, gone.signal))
  await setup.clock.untilHeld(HOLD_MS, 1)
  return async () => {
    gone.abort()
    await answer
    await setup.clock.untilHeld(HOLD_MS, 0)
  }
}

describe('an agent', () => {
  it('is online while it holds a poll and from one to the next, and away afterwards', async () => {
    const agent = await setup.newAgent('on-1', 'app/development')
    const time = new Date(setup.clock.now() + 1500).toISOString()
    const leave = await hold(agent, { targets: targetsOf(OK, 'app/development'), free_capacity: 3, time })
    setup.clock.advance(HOLD_MS - 1)
    expect(await find('on-1')).toMatchObject({
      online: true,
      free_capacity: 3,
      clock_skew_ms: 1500,
      running: 0,
      targets: [{ target: 'app/development', dialect: 'postgresql', operations: null, bound: true, state: OK }],
    })
    const leftAt = new Date(setup.clock.now()).toISOString()
    await leave()
    expect(await find('on-1')).toMatchObject({ online: true, last_seen_at: leftAt })
    setup.clock.advance(5000)
    expect(await find('on-1')).toMatchObject({ online: false, last_seen_at: leftAt })
  })

  it('that only asks, whatever it says of its databases, writes nothing to the disk', async () => {
    const agent = await setup.newAgent('idle-1', 'app/development')
    await (await hold(agent, { targets: targetsOf(OK, 'app/development') }))()
    const changes = () => setup.server.server.ctx.db.read.selectFrom('agents').selectAll().execute()
    const [before, audited] = [await changes(), (await readAuditBodies(setup.server)).length]
    for (const state of [REFUSED, OK, REFUSED])
      await (await hold(agent, { targets: targetsOf(state, 'app/development'), free_capacity: 0 }))()
    expect(await changes()).toEqual(before)
    expect(await readAuditBodies(setup.server)).toHaveLength(audited)
  })

  it('gets nothing of a target that it refuses, and the rest', async () => {
    const agent = await setup.newAgent('half-1', 'app/development', 'app/production')
    const targets = [...targetsOf(REFUSED, 'app/development'), ...targetsOf(OK, 'app/production')]
    const refused = await setup.queue()
    const served = await setup.queue('app/production')
    const leases = await agent.poll({ targets, free_capacity: 10 })
    expect(leases.map(({ execution_id }) => execution_id)).toEqual([served.id])
    expect(await setup.status(refused.id)).toBe('queued')
    await setup.alice.client.call(api.executions.cancel, { params: { id: refused.id }, body: {} })
  })

  it('that announces what nobody configured, or what is not its own, serves none of it', async () => {
    const agent = await setup.newAgent('more-1', 'app/development')
    const targets = targetsOf(OK, 'app/development', 'app/production', 'app/nowhere')
    const { id } = await setup.queue('app/production')
    await (await hold(agent, { targets }))()
    expect(await setup.status(id)).toBe('queued')
    expect((await find('more-1'))?.targets.map(({ target, bound }) => [target, bound])).toEqual([
      ['app/development', true],
      ['app/production', false],
      ['app/nowhere', false],
    ])
    const { items } = await setup.server.admin.client.call(api.targets.list, {})
    const production = items.find(({ environment }) => environment === 'production')
    expect(production?.agents.map((one) => one.id)).not.toContain('more-1')
    expect(JSON.stringify(await setup.show(id))).not.toContain('more-1')
    await setup.alice.client.call(api.executions.cancel, { params: { id }, body: {} })
  })

  it('is shown to those who may see one of its targets, with these alone', async () => {
    const agent = await setup.newAgent('wide-1', 'app/development', 'app/production')
    const { id } = await setup.queue('app/production')
    const [lease] = await agent.poll({ targets: targetsOf(OK, 'app/development', 'app/production') })
    if (lease?.execution_id !== id) throw new Error('another execution was leased')
    await agent.start(lease)
    const dora = await setup.server.createUser('dora', 'developer@app/development')
    const nora = await setup.server.createUser('nora', 'developer@app/nowhere')
    const seen = (await listAs(dora)).find((one) => one.id === 'wide-1')
    expect(seen).toMatchObject({ running: 0, targets: [{ target: 'app/development' }] })
    expect(JSON.stringify(await listAs(dora))).not.toContain('production')
    expect((await listAs(nora)).map((one) => one.id)).toEqual(['more-1'])
    expect(await find('wide-1')).toMatchObject({ running: 1, targets: [{}, {}] })
    await agent.report(lease)
  })

  it('is shown at the target that it serves', async () => {
    const agent = await setup.newAgent('shown-1', 'app/development')
    const leave = await hold(agent, { targets: targetsOf(OK, 'app/development') })
    const { items } = await setup.alice.client.call(api.targets.list, {})
    expect(items.map(({ database, environment }) => `${database}/${environment}`)).toEqual([
      'app/development',
      'app/production',
    ])
    expect(items[0]?.agents).toContainEqual({
      id: 'shown-1',
      online: true,
      last_seen_at: expect.any(String),
      status: 'ok',
      server_version: 'PostgreSQL 18.4',
      code: null,
    })
    await leave()
  })
})

describe('a queued execution says why it waits', () => {
  it('for an agent, one with room, or one that serves the target', async () => {
    await using own = await startProtocol()
    const { id } = await own.queue()
    const why = async () => (await own.show(id)).waiting
    expect(await why()).toEqual({
      code: 'no_agent',
      message: 'no agent that serves app/development is in touch',
    })
    const talk = async (change: Parameters<ManualAgent['ask']>[0]) => {
      const gone = new AbortController()
      const answer = refusal(own.dev.ask(change, gone.signal))
      await own.clock.untilHeld(HOLD_MS, 1)
      const waiting = await why()
      gone.abort()
      await answer
      await own.clock.untilHeld(HOLD_MS, 0)
      return waiting
    }
    expect(await talk({ free_capacity: 0 })).toEqual({
      code: 'agents_busy',
      message: 'every agent that serves app/development is busy: dev-1',
    })
    expect(await talk({ targets: targetsOf(REFUSED, 'app/development') })).toMatchObject({ code: 'target_refused' })
    own.clock.advance(250_000)
    expect(await why()).toEqual({
      code: 'no_agent',
      message: 'no agent that serves app/development is in touch; the last one, dev-1, was seen 4 min ago',
    })
    await own.dev.poll()
    expect(await own.show(id)).toMatchObject({ status: 'leased', waiting: null })
  })
})
