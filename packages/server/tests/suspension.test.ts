import { api } from '@twinlock/contract'
import { sweep } from '@twinlock/server'
import { readAuditBodies, startTestServer, submit, type TestServer, type TestUser } from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createHoldingClock,
  createManualAgent,
  type HoldingClock,
  type ManualAgent,
  refusal,
} from './fixtures/manual-agent.ts'

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
[[workflows.steps]]
approvers = [{ role = "approver", min = 2 }]
`
const HELD_MS = 25_000
const { identity } = api

let clock: HoldingClock
let server: TestServer
let alice: TestUser
let bob: TestUser
let carol: TestUser
let agent: ManualAgent
beforeEach(async () => {
  clock = createHoldingClock()
  server = await startTestServer({ config: CONFIG, overrides: { clock } })
  alice = await server.createUser('alice', 'developer')
  bob = await server.createUser('bob', 'approver')
  carol = await server.createUser('carol', 'approver')
  agent = createManualAgent(server, server.agentToken, 'all-1', ['app/development', 'app/production'])
})
afterEach(() => server[Symbol.asyncDispose]())

const admin = () => server.admin.client
const suspend = (name: string) => admin().call(identity.suspendUser, { params: { name }, body: {} })
const activate = (name: string) => admin().call(identity.activateUser, { params: { name }, body: {} })
const remove = (name: string) => admin().call(identity.removeUser, { params: { name } })
const setRoles = (name: string, ...roles: string[]) =>
  admin().call(identity.updateUser, { params: { name }, body: { roles } })
const show = (id: string) => admin().call(api.requests.get, { params: { id } })
const showExecution = (id: string) => admin().call(api.executions.get, { params: { id } })
const approve = (who: TestUser, id: string) =>
  who.client.call(api.requests.approve, { params: { id }, body: { step: 1 } })
const reject = (who: TestUser, id: string) =>
  who.client.call(api.requests.reject, { params: { id }, body: { step: 1 } })
const ask = (start: 'manual' | 'on_approval' = 'manual') =>
  submit(alice.client, 'select 1', 'app/production', { start })
async function queue(): Promise<string> {
  const { latest_execution } = await submit(alice.client, 'select 1', 'app/development', { start: 'on_approval' })
  return latest_execution?.id ?? ''
}
/** Looks for work without waiting for it. */
async function pollNow() {
  const gone = new AbortController()
  const polled = agent.poll({}, gone.signal).catch(() => [])
  const found = await Promise.race([polled, clock.untilHeld(HELD_MS, 1).then(() => undefined)])
  gone.abort()
  if (found === undefined) await clock.untilHeld(HELD_MS, 0)
  return found ?? []
}

describe("a suspended person's request", () => {
  it('is frozen: shown so, and neither approved nor rejected until they are activated', async () => {
    const { id } = await ask()
    expect((await show(id)).frozen).toBe(false)
    await suspend('alice')
    expect(await show(id)).toMatchObject({ status: 'pending', frozen: true })
    expect(await refusal(approve(bob, id))).toMatchObject({ code: 'request_frozen' })
    expect(await refusal(reject(bob, id))).toMatchObject({ code: 'request_frozen' })
    await activate('alice')
    expect(await show(id)).toMatchObject({ status: 'pending', frozen: false })
    await approve(bob, id)
    expect(await approve(carol, id)).toMatchObject({ status: 'approved' })
  })

  it('that is approved starts nothing, and starts once they are activated', async () => {
    const { id } = await submit(alice.client, 'select 1')
    await suspend('alice')
    expect(await show(id)).toMatchObject({ status: 'approved', frozen: true })
    expect(await refusal(alice.client.call(api.requests.execute, { params: { id }, body: {} }))).toMatchObject({
      code: 'unauthenticated',
    })
    await activate('alice')
    await alice.client.call(api.requests.execute, { params: { id }, body: {} })
    expect(await agent.poll()).toHaveLength(1)
  })

  it('that is queued goes to no agent, and to one that waits as soon as they are activated', async () => {
    const execution = await queue()
    await suspend('alice')
    expect(await pollNow()).toEqual([])
    const held = agent.poll()
    await clock.untilHeld(HELD_MS, 1)
    await activate('alice')
    expect(await held).toMatchObject([{ execution_id: execution }])
  })

  it('that an agent has leased does not start; it goes back to the queue and runs after the activation', async () => {
    const execution = await queue()
    const [lease] = await agent.poll()
    if (!lease) throw new Error('the agent got nothing')
    await suspend('alice')
    expect(await refusal(agent.start(lease))).toMatchObject({ code: 'request_frozen' })
    clock.advance(10_000)
    await sweep(server.server.ctx)
    expect((await showExecution(execution)).status).toBe('queued')
    expect(await pollNow()).toEqual([])
    await activate('alice')
    const [again] = await agent.poll()
    if (!again) throw new Error('the agent got nothing')
    await agent.start(again)
    await agent.report(again)
    expect((await showExecution(execution)).status).toBe('succeeded')
  })

  it('that runs goes on, and its end is recorded', async () => {
    const execution = await queue()
    const [lease] = await agent.poll()
    if (!lease) throw new Error('the agent got nothing')
    await agent.start(lease)
    await suspend('alice')
    await agent.heartbeat(lease)
    await agent.report(lease)
    expect(await showExecution(execution)).toMatchObject({ status: 'succeeded', effect: 'committed' })
  })

  it('expires in its time', async () => {
    const { id } = await ask()
    await suspend('alice')
    clock.advance(8 * 86_400_000)
    await sweep(server.server.ctx)
    expect(await show(id)).toMatchObject({ status: 'expired', frozen: false })
  })
})

describe('the approval of somebody', () => {
  it('who is suspended does not count, and counts again after the activation', async () => {
    const { id } = await ask()
    await approve(bob, id)
    await suspend('bob')
    const dave = await server.createUser('dave', 'approver')
    const [step] = (await approve(carol, id)).steps
    expect(step).toMatchObject({ done: false, approvers: [{ approved_by: ['carol'], candidates: ['dave'] }] })
    expect((await show(id)).status).toBe('pending')
    await activate('bob')
    expect((await show(id)).steps[0]?.approvers[0]?.approved_by.toSorted()).toEqual(['bob', 'carol'])
    expect((await approve(dave, id)).status).toBe('approved')
  })

  it('who is removed, or has lost the role for this target, does not count', async () => {
    const { id } = await ask()
    await approve(bob, id)
    await approve(
      await server.createUser('dave', 'developer', 'approver@app/production').then(async (dave) => {
        await setRoles('bob', 'approver@app/development')
        return dave
      }),
      id,
    )
    expect((await show(id)).status).toBe('pending')
    await remove('dave')
    expect((await show(id)).steps[0]?.approvers[0]).toMatchObject({ approved_by: [], candidates: ['carol'] })
  })

  it('who has just been suspended is refused, not recorded', async () => {
    const { id } = await ask()
    const answers = await Promise.all([refusal(approve(bob, id)), suspend('bob')])
    const { reviews } = await show(id)
    expect(reviews).toHaveLength(answers[0] === 'not refused' ? 1 : 0)
    expect(await refusal(approve(bob, id))).toMatchObject({ code: 'unauthenticated' })
  })
})

describe('a call under way', () => {
  it('of a person who is suspended ends, and gets what the next call gets', async () => {
    const { id } = await ask()
    const waiting = refusal(alice.client.call(api.requests.get, { params: { id }, query: { wait: 30 } }))
    await clock.untilHeld(30_000, 1)
    await suspend('alice')
    expect(await waiting).toMatchObject({ code: 'unauthenticated' })
    await clock.untilHeld(30_000, 0)
  })

  it('of a revoked token ends; one with another token of the same person goes on', async () => {
    const { id } = await ask()
    const made = await admin().call(identity.createToken, { body: { user: 'alice' } })
    const wait = (token: string) =>
      fetch(`${server.url}/api/v1/requests/${id}?wait=30`, { headers: { authorization: `Bearer ${token}` } })
    const one = wait(made.token ?? '')
    const other = wait(alice.token)
    await clock.untilHeld(30_000, 2)
    await admin().call(identity.revokeToken, { params: { id: made.id } })
    expect((await one).status).toBe(401)
    await clock.untilHeld(30_000, 1)
    await reject(bob, id)
    expect(await (await other).json()).toMatchObject({ status: 'rejected' })
  })

  it('that reads a result is cut off, without a trailer', async () => {
    const execution = await queue()
    const [lease] = await agent.poll()
    if (!lease) throw new Error('the agent got nothing')
    await agent.start(lease)
    await agent.chunk(lease, 0, '{"statement":1,"columns":[]}\n')
    const stream = await alice.client.stream(api.executions.result, { params: { id: execution } })
    const parts: string[] = []
    const read = (async () => {
      for await (const part of stream) {
        parts.push(Buffer.from(part).toString('utf8'))
        await suspend('alice')
      }
    })()
    await read.catch(() => {})
    expect(parts).toEqual(['{"statement":1,"columns":[]}\n'])
  })
})

describe('an agent whose token is revoked', () => {
  async function newAgent() {
    const made = await admin().call(identity.createAgentToken, {
      body: { targets: [{ database: 'app', environment: 'development' }] },
    })
    return { id: made.id, agent: createManualAgent(server, made.token ?? '', 'dev-9', ['app/development']) }
  }
  const revoke = (id: string) => admin().call(identity.revokeToken, { params: { id } })

  it('gets no work in a poll that is held open', async () => {
    const { id, agent: dev } = await newAgent()
    const held = refusal(dev.poll())
    await clock.untilHeld(HELD_MS, 1)
    await revoke(id)
    const execution = await queue()
    expect(await held).toMatchObject({ code: 'unauthenticated' })
    expect((await showExecution(execution)).status).toBe('queued')
    expect(await agent.poll()).toMatchObject([{ execution_id: execution }])
  })

  it('gets no work when both happen at once, however often it is tried', async () => {
    for (let i = 0; i < 10; i++) {
      const { id, agent: dev } = await newAgent()
      const held = refusal(dev.poll())
      await clock.untilHeld(HELD_MS, 1)
      const [, execution] = await Promise.all([revoke(id), queue()])
      const { status, agent: holder } = await showExecution(execution)
      // Whichever came first: work that it got, it got while the token worked, and it starts nothing with it.
      if ((await held) !== 'not refused') expect([status, holder]).toEqual(['queued', null])
      const [lease] = status === 'queued' ? await agent.poll() : []
      if (lease) await agent.handBack(lease)
      await alice.client.call(api.requests.cancel, {
        params: { id: (await showExecution(execution)).request_id },
        body: {},
      })
    }
  })

  it('can neither start, heartbeat, upload, report nor hand back what it holds', async () => {
    const { id, agent: dev } = await newAgent()
    await queue()
    const [running] = await dev.poll()
    if (!running) throw new Error('the agent got nothing')
    await dev.start(running)
    await queue()
    const [leased] = await dev.poll()
    if (!leased) throw new Error('the agent got nothing')
    await revoke(id)
    for (const call of [
      () => dev.start(leased),
      () => dev.handBack(leased),
      () => dev.heartbeat(running),
      () => dev.chunk(running, 0, 'x'),
      () => dev.report(running),
      () => dev.poll(),
    ])
      expect(await refusal(call())).toMatchObject({ code: 'unauthenticated' })
    expect((await showExecution(running.execution_id)).status).toBe('running')
  })

  it('goes on with what it holds once it has a new token for the same targets', async () => {
    const { id, agent: dev } = await newAgent()
    const execution = await queue()
    const [running] = await dev.poll()
    if (!running) throw new Error('the agent got nothing')
    await dev.start(running)
    await revoke(id)
    const { agent: renewed } = await newAgent()
    const held = renewed.poll()
    await clock.untilHeld(HELD_MS, 1)
    await renewed.report(running)
    expect((await showExecution(execution)).status).toBe('succeeded')
    await queue()
    expect(await held).toHaveLength(1)
  })

  it('that expires during a poll gets no work either', async () => {
    const made = await admin().call(identity.createAgentToken, {
      body: { targets: [{ database: 'app', environment: 'development' }], expires_in_s: 5 },
    })
    const dev = createManualAgent(server, made.token ?? '', 'dev-5', ['app/development'])
    const held = refusal(dev.poll())
    await clock.untilHeld(HELD_MS, 1)
    clock.advance(5_000)
    const execution = await queue()
    expect(await held).toMatchObject({ code: 'unauthenticated' })
    expect((await showExecution(execution)).status).toBe('queued')
  })
})

describe('the request of somebody who is removed while it runs', () => {
  it('is withdrawn, and its execution goes on to its end', async () => {
    const execution = await queue()
    const [lease] = await agent.poll()
    if (!lease) throw new Error('the agent got nothing')
    await agent.start(lease)
    await remove('alice')
    const { request_id: id } = await showExecution(execution)
    expect(await show(id)).toMatchObject({ status: 'cancelled', requester: 'alice' })
    await agent.heartbeat(lease)
    await agent.report(lease)
    expect(await showExecution(execution)).toMatchObject({ status: 'succeeded', effect: 'committed', cancel: null })
    expect((await show(id)).status).toBe('cancelled')
  })

  it('is withdrawn with what was leased and had not started', async () => {
    const execution = await queue()
    const [lease] = await agent.poll()
    if (!lease) throw new Error('the agent got nothing')
    await remove('alice')
    expect(await refusal(agent.start(lease))).toMatchObject({ code: 'execution_closed' })
    expect(await showExecution(execution)).toMatchObject({ status: 'cancelled', effect: 'none' })
  })
})

describe('the log', () => {
  it('has who suspended, activated, removed and revoked', async () => {
    await suspend('alice')
    await activate('alice')
    await remove('alice')
    const types = (await readAuditBodies(server)).slice(-4).map(({ type, actor }) => [type, actor.id])
    expect(types).toEqual([
      ['user.suspended', 'admin'],
      ['user.activated', 'admin'],
      ['token.revoked', 'admin'],
      ['user.removed', 'admin'],
    ])
  })
})
