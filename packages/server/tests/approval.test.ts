import { api } from '@twinlock/contract'
import { readAuditBodies, startTestServer, submit, type TestServer, type TestUser } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const CONFIG = `
[[databases]]
name = "app"
environments = ["development", "production", "staging"]
dialect = "postgresql"

[[workflows]]
database = "app"
environment = "development"
auto_approve = "always"

[[workflows]]
database = "app"
environment = "production"
operations = ["dml"]
require_reason = true
[[workflows.steps]]
approvers = [{ role = "approver", min = 2 }]

[[workflows]]
database = "app"
environment = "production"
operations = ["ddl"]
[[workflows.steps]]
approvers = [{ role = "approver" }]
[[workflows.steps]]
approvers = [{ user = "dora" }]

[[workflows]]
database = "app"
environment = "production"
operations = ["select"]
[[workflows.steps]]
approvers = [{ role = "developer" }]
`

let server: TestServer
let alice: TestUser
let bob: TestUser
let carol: TestUser
let dora: TestUser
let rita: TestUser

beforeAll(async () => {
  server = await startTestServer({ config: CONFIG })
  alice = await server.createUser('alice', 'developer')
  bob = await server.createUser('bob', 'approver')
  carol = await server.createUser('carol', 'approver')
  dora = await server.createUser('dora', 'admin')
  rita = await server.createUser('rita', 'readonly')
})
afterAll(() => server[Symbol.asyncDispose]())

const DML = 'update orders set status = 1 where id = 2'
const askDml = () => submit(alice.client, DML, 'app/production', { reason: 'INC-1' })
const approve = (who: TestUser, id: string, step = 1) =>
  who.client.call(api.requests.approve, { params: { id }, body: { step } })
const reject = (who: TestUser, id: string, step = 1) =>
  who.client.call(api.requests.reject, { params: { id }, body: { step } })
const show = (who: TestUser, id: string) => who.client.call(api.requests.get, { params: { id } })

describe('approval', () => {
  it('waits until as many people as the step asks for have approved', async () => {
    const { id } = await askDml()
    expect((await approve(bob, id)).status).toBe('pending')
    const approved = await approve(carol, id)
    expect(approved).toMatchObject({ status: 'approved', approved_via: 'workflow', executions_left: 1 })
    expect(approved.steps[0]?.approvers[0]?.approved_by.sort()).toEqual(['bob', 'carol'])
  })

  it('is refused to the requester, whatever their role', async () => {
    const own = await submit(dora.client, DML, 'app/production', { reason: 'mine' })
    await expect(approve(dora, own.id)).rejects.toMatchObject({ code: 'self_approval' })
    const read = await submit(alice.client, 'select 1', 'app/production')
    await expect(approve(alice, read.id)).rejects.toMatchObject({ code: 'self_approval' })
    expect((await show(alice, read.id)).status).toBe('pending')
    expect((await readAuditBodies(server)).at(-1)).toMatchObject({
      type: 'review.refused',
      actor: { id: 'alice' },
      data: { code: 'self_approval' },
    })
  })

  it('counts one person once, also when asked again', async () => {
    const { id } = await askDml()
    await approve(bob, id)
    await expect(approve(bob, id)).rejects.toMatchObject({ code: 'already_reviewed' })
    expect((await show(alice, id)).status).toBe('pending')
  })

  it('a decision for a step that is not the current one counts for nothing', async () => {
    const { id } = await submit(alice.client, 'create table x ()', 'app/production')
    await expect(approve(dora, id, 2)).rejects.toMatchObject({ code: 'step_not_current' })
    await approve(bob, id, 1)
    await expect(approve(carol, id, 1)).rejects.toMatchObject({ code: 'step_not_current' })
    expect((await show(alice, id)).current_step).toBe(2)
    await expect(approve(carol, id, 2)).rejects.toMatchObject({ code: 'not_an_approver' })
    expect((await approve(dora, id, 2)).status).toBe('approved')
  })

  it('one rejection ends the request', async () => {
    const { id } = await askDml()
    await approve(bob, id)
    expect((await reject(carol, id)).status).toBe('rejected')
    await expect(approve(dora, id)).rejects.toMatchObject({ code: 'request_not_pending' })
    await expect(alice.client.call(api.requests.execute, { params: { id }, body: {} })).rejects.toMatchObject({
      code: 'request_not_approved',
    })
  })

  it('names those who could still approve, without the requester and those who have', async () => {
    const { id } = await askDml()
    expect((await approve(bob, id)).steps[0]?.approvers).toEqual([
      { role: 'approver', min: 2, approved_by: ['bob'], candidates: ['carol'] },
    ])
  })

  it('two people approving at once are both counted', async () => {
    for (let i = 0; i < 10; i++) {
      const { id } = await askDml()
      await Promise.all([approve(bob, id), approve(carol, id)])
      expect((await show(alice, id)).status).toBe('approved')
    }
  })

  it('a double click counts once, and approve against reject has one outcome', async () => {
    for (let i = 0; i < 10; i++) {
      const { id } = await askDml()
      const clicks = await Promise.allSettled([approve(bob, id), approve(bob, id)])
      expect(clicks.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const race = await Promise.allSettled([approve(carol, id), reject(carol, id)])
      expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(['approved', 'rejected']).toContain((await show(alice, id)).status)
    }
  })
})

describe('who sees a request', () => {
  it('is its requester, those who may review it and those who may see all; to others it does not exist', async () => {
    const { id, number } = await askDml()
    for (const who of [alice, bob, carol, server.admin]) expect((await show(who, String(number))).id).toBe(id)
    const hidden = await show(rita, id).catch((error) => error)
    const missing = await show(rita, 'req_00000000000000000000000000').catch((error) => error)
    expect(hidden).toMatchObject({ code: 'request_not_found' })
    expect(missing).toMatchObject({ code: 'request_not_found', data: { hint: hidden.data.hint } })
    const listed = await rita.client.call(api.requests.list, {})
    expect(listed.items).toEqual([])
  })

  it('runs it only if they asked for it', async () => {
    const { id } = await askDml()
    await approve(bob, id)
    await approve(carol, id)
    await expect(bob.client.call(api.requests.execute, { params: { id }, body: {} })).rejects.toMatchObject({
      code: 'permission_denied',
    })
    await expect(server.admin.client.call(api.requests.execute, { params: { id }, body: {} })).rejects.toMatchObject({
      code: 'not_requester',
    })
  })

  it('pages through the list, newest first, without gaps', async () => {
    const numbers: number[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await alice.client.call(api.requests.list, { query: { limit: 7, ...(cursor ? { cursor } : {}) } })
      numbers.push(...page.items.map((item) => item.number))
      cursor = page.next_cursor
    }
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => b - a))
    expect(numbers.length).toBeGreaterThan(20)
  })
})

describe('withdrawing', () => {
  it('ends a pending or approved request; nobody else may', async () => {
    const { id } = await askDml()
    const cancel = (who: TestUser) => who.client.call(api.requests.cancel, { params: { id }, body: {} })
    await expect(cancel(bob)).rejects.toMatchObject({ code: 'permission_denied' })
    expect((await cancel(alice)).status).toBe('cancelled')
    await expect(cancel(alice)).rejects.toMatchObject({ code: 'request_not_cancellable' })
  })

  it('takes a queued execution with it', async () => {
    const request = await submit(alice.client, 'select 1', 'app/development', { start: 'on_approval' })
    expect(request.latest_execution?.status).toBe('queued')
    const cancelled = await alice.client.call(api.requests.cancel, { params: { id: request.id }, body: {} })
    expect(cancelled).toMatchObject({ status: 'cancelled', latest_execution: { status: 'cancelled', effect: 'none' } })
  })
})
