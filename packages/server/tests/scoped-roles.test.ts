import { api } from '@twinlock/contract'
import { startTestServer, submit, type TestServer, type TestUser } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createHoldingClock,
  createManualAgent,
  type HoldingClock,
  refusal,
  SUCCEEDED,
} from './fixtures/manual-agent.ts'

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
environment = "*"
operations = ["select"]
auto_approve = "always"
[[workflows]]
database = "*"
environment = "*"
operations = ["dml", "ddl"]
[[workflows.steps]]
mode = "any"
approvers = [{ role = "approver" }, { user = "named" }]
`
const { identity } = api
const DELETE = 'delete from t where id = 1'

let clock: HoldingClock
let server: TestServer
beforeAll(async () => {
  clock = createHoldingClock()
  server = await startTestServer({ config: CONFIG, overrides: { clock } })
})
afterAll(() => server[Symbol.asyncDispose]())

let made = 0
const newUser = (...roles: string[]) => server.createUser(`user-${++made}`, ...roles)
const setRoles = ({ name }: TestUser, ...roles: string[]) =>
  server.admin.client.call(identity.updateUser, { params: { name }, body: { roles } })
const show = (who: TestUser, id: string) => who.client.call(api.requests.get, { params: { id } })
const approve = (who: TestUser, id: string) =>
  who.client.call(api.requests.approve, { params: { id }, body: { step: 1 } })
const run = (who: TestUser, id: string) => who.client.call(api.requests.execute, { params: { id }, body: {} })
const cancel = (who: TestUser, id: string) => who.client.call(api.requests.cancel, { params: { id }, body: {} })
const showExecution = (id: string) => server.admin.client.call(api.executions.get, { params: { id } })
const prodAgent = () =>
  createManualAgent(server, server.agentToken, 'all-1', ['app/production', 'app/development', 'billing/production'])

describe('a submission', () => {
  it('for a target one holds no role for is answered like one for a target that does not exist', async () => {
    const who = await newUser('developer@app/development')
    const hidden = await refusal(submit(who.client, 'select 1', 'app/production'))
    const missing = await refusal(submit(who.client, 'select 1', 'app/nowhere'))
    expect(hidden).toMatchObject({ code: 'unknown_target', detail: 'there is no target app/production' })
    expect(JSON.stringify(missing).replace('nowhere', 'production')).toBe(JSON.stringify(hidden))
    expect((await submit(who.client, 'select 1', 'app/development')).status).toBe('approved')
  })

  it('tells nothing of a hidden target by what is wrong with the statement', async () => {
    const who = await newUser('developer@app/development')
    const missing = await refusal(submit(who.client, 'select 1', 'billing/production'))
    for (const sql of ['commit', 'selec', 'select 1; '.repeat(2000), DELETE])
      expect(await refusal(submit(who.client, sql, 'billing/production'))).toEqual(missing)
  })

  it('takes a role that asks, on that very target', async () => {
    const who = await newUser('approver@app/production', 'developer@app/development', 'readonly@billing/*')
    expect(await refusal(submit(who.client, 'select 1', 'app/production'))).toMatchObject({ code: 'permission_denied' })
    expect(await refusal(submit(who.client, DELETE, 'billing/production'))).toMatchObject({
      code: 'operation_not_permitted',
    })
    expect((await submit(who.client, 'select 1', 'billing/production')).status).toBe('approved')
    expect((await submit(who.client, DELETE, 'app/development')).status).toBe('pending')
  })

  it.each([
    ['developer@*/production', ['app/production', 'billing/production'], ['app/development']],
    ['developer@app/*', ['app/production', 'app/development'], ['billing/production']],
    ['developer@app/production', ['app/production'], ['app/development', 'billing/production']],
  ])('of somebody with %s goes where the role goes', async (role, taken, refused) => {
    const who = await newUser(role)
    for (const target of taken) expect((await submit(who.client, 'select 1', target)).status).toBe('approved')
    for (const target of refused)
      expect(await refusal(submit(who.client, 'select 1', target))).toMatchObject({ code: 'unknown_target' })
  })
})

describe('who holds a role for a target', () => {
  it('reviews and sees its requests, and no others', async () => {
    const alice = await newUser('developer')
    const dev = await submit(alice.client, DELETE, 'app/development')
    const prod = await submit(alice.client, DELETE, 'app/production')
    const bob = await newUser('approver@app/production')
    expect((await bob.client.call(api.requests.list, {})).items.map(({ id }) => id)).toEqual([prod.id])
    expect(await refusal(show(bob, dev.id))).toMatchObject({ code: 'request_not_found' })
    expect(await refusal(approve(bob, dev.id))).toMatchObject({ code: 'request_not_found' })
    expect((await approve(bob, prod.id)).status).toBe('approved')
  })

  it('is a candidate there and nowhere else', async () => {
    const alice = await newUser('developer')
    const bob = await newUser('approver@billing/production')
    const prod = await submit(alice.client, DELETE, 'app/production')
    const billing = await submit(alice.client, DELETE, 'billing/production')
    const candidates = ({ steps }: typeof prod) => steps.flatMap(({ approvers }) => approvers[0]?.candidates ?? [])
    expect(candidates(billing)).toContain(bob.name)
    expect(candidates(prod)).not.toContain(bob.name)
  })

  it('withdraws requests of others there alone, as an operator', async () => {
    const alice = await newUser('developer')
    const dev = await submit(alice.client, DELETE, 'app/development')
    const prod = await submit(alice.client, DELETE, 'app/production')
    const olga = await newUser('operator@*/production')
    expect(await refusal(cancel(olga, dev.id))).toMatchObject({ code: 'request_not_found' })
    expect((await cancel(olga, prod.id)).status).toBe('cancelled')
  })

  it('has no say over the installation, as an administrator of some targets', async () => {
    const who = await newUser('admin@app/*', 'admin@billing/*')
    const { client } = who
    for (const call of [
      () => client.call(identity.createUser, { body: { name: 'mallory', roles: ['admin'] } }),
      () => client.call(identity.updateUser, { params: { name: who.name }, body: { roles: ['admin'] } }),
      () => client.call(identity.createToken, { body: { user: 'admin' } }),
      () =>
        client.call(identity.createAgentToken, {
          body: { targets: [{ database: 'app', environment: 'production' }] },
        }),
      () => client.call(identity.listUsers, {}),
      () => client.call(identity.suspendUser, { params: { name: 'admin' }, body: {} }),
    ])
      expect(await refusal(call())).toMatchObject({ code: 'permission_denied' })
  })
})

describe('being named by a workflow', () => {
  it('is not enough to review where one holds no role that reviews', async () => {
    const alice = await newUser('developer')
    const prod = await submit(alice.client, DELETE, 'app/production')
    const named = await server.createUser('named', 'operator@app/production', 'approver@billing/production')
    expect((await show(named, prod.id)).steps[0]?.approvers[1]?.candidates).toEqual([])
    expect(await refusal(approve(named, prod.id))).toMatchObject({ code: 'not_an_approver' })
    await setRoles(named, 'readonly@app/development')
    expect(await refusal(approve(named, prod.id))).toMatchObject({ code: 'permission_denied' })
    await setRoles(named, 'developer@app/production')
    expect((await approve(named, prod.id)).status).toBe('approved')
  })
})

describe('an approved request', () => {
  it('starts only while its requester may run such statements there', async () => {
    const alice = await newUser('developer')
    const bob = await newUser('approver')
    const { id } = await submit(alice.client, DELETE, 'app/production')
    await approve(bob, id)
    await setRoles(alice, 'readonly@app/production')
    expect(await refusal(run(alice, id))).toMatchObject({ code: 'operation_not_permitted' })
    await setRoles(alice, 'approver@app/production', 'developer@app/development')
    expect(await refusal(run(alice, id))).toMatchObject({ code: 'permission_denied' })
    await setRoles(alice, 'developer@app/production')
    expect((await run(alice, id)).status).toBe('queued')
    await cancel(alice, id)
  })

  it('that was queued is cancelled with the role, and can be started again with it', async () => {
    const alice = await newUser('developer')
    const { id, latest_execution } = await submit(alice.client, 'select 1', 'app/production', { start: 'on_approval' })
    await setRoles(alice, 'developer@app/development')
    expect(await showExecution(latest_execution?.id ?? '')).toMatchObject({ status: 'cancelled', effect: 'none' })
    expect((await show(alice, id)).status).toBe('approved')
    await setRoles(alice, 'readonly')
    const again = await run(alice, id)
    await setRoles(alice, 'readonly', 'auditor')
    expect((await showExecution(again.id)).status).toBe('queued')
    await cancel(alice, id)
  })

  it('is approved but not queued by its approval when the requester has lost the role meanwhile', async () => {
    const alice = await newUser('developer')
    const bob = await newUser('approver')
    const { id } = await submit(alice.client, DELETE, 'app/production', { start: 'on_approval' })
    await setRoles(alice, 'readonly')
    expect(await approve(bob, id)).toMatchObject({ status: 'approved', latest_execution: null })
  })

  it('that an agent has leased does not start when the role went away in between', async () => {
    const alice = await newUser('developer')
    const { latest_execution } = await submit(alice.client, 'select 1', 'app/production', { start: 'on_approval' })
    const agent = prodAgent()
    const [lease] = await agent.poll()
    if (!lease) throw new Error('the agent got nothing')
    await setRoles(alice, 'auditor')
    expect(await refusal(agent.start(lease))).toMatchObject({ code: 'execution_closed' })
    expect(await showExecution(latest_execution?.id ?? '')).toMatchObject({ status: 'cancelled', effect: 'none' })
  })
})

describe('a result', () => {
  it('is for its requester alone, while they hold a role that reads results there', async () => {
    const alice = await newUser('developer')
    const request = await submit(alice.client, 'select 1', 'app/production', { start: 'on_approval' })
    const agent = prodAgent()
    const [lease] = await agent.poll()
    if (!lease) throw new Error('the agent got nothing')
    await agent.start(lease)
    await agent.chunk(lease, 0, '{"statement":1,"columns":[]}\n')
    await agent.report(lease, { ...SUCCEEDED, chunks: 1, result_sha256: '0'.repeat(64) })
    const id = request.latest_execution?.id ?? ''
    const read = async (who: TestUser) => {
      for await (const _ of await who.client.stream(api.executions.result, { params: { id } }));
    }
    await read(alice)
    expect(await refusal(read(server.admin))).toMatchObject({ code: 'not_requester' })
    expect(await refusal(read(await newUser('developer')))).toMatchObject({ code: 'execution_not_found' })
    await setRoles(alice, 'developer@app/development')
    expect(await refusal(read(alice))).toMatchObject({ code: 'permission_denied' })
  })
})
