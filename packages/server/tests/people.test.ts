import { api, ROLE_NAMES, ROLES } from '@twinlock/contract'
import { readAuditBodies, startTestServer, submit, type TestServer, testUser } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refusal } from './fixtures/manual-agent.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const { identity } = api
const admin = () => server.admin.client
const show = (name: string) => admin().call(identity.getUser, { params: { name } })
const update = (name: string, ...roles: string[]) =>
  admin().call(identity.updateUser, { params: { name }, body: { roles } })
const suspend = (name: string, reason?: string) =>
  admin().call(identity.suspendUser, { params: { name }, body: reason === undefined ? {} : { reason } })
const activate = (name: string) => admin().call(identity.activateUser, { params: { name }, body: {} })
const remove = (name: string) => admin().call(identity.removeUser, { params: { name } })
const me = (who: { client: TestServer['admin']['client'] }) => who.client.call(identity.me, {})

async function eventsOf(name: string) {
  const events = (await readAuditBodies(server)).filter(
    ({ subject }) => subject?.type === 'user' && subject.id === name,
  )
  return events.map(({ type, actor, data }) => ({ type, by: actor.id, data }))
}

describe('a user', () => {
  it('is created with roles, each once, and shown', async () => {
    await server.createUser('ann', 'developer@app/*', 'approver@*/production', 'developer@app/*')
    expect(await show('ann')).toMatchObject({
      name: 'ann',
      status: 'active',
      roles: ['developer@app/*', 'approver@*/production'],
      suspended: null,
    })
  })

  it('of an unknown name is not found', async () => {
    for (const call of [show, (name: string) => update(name, 'admin'), suspend, activate, remove])
      expect(await refusal(call('nobody'))).toMatchObject({ code: 'user_not_found', detail: 'there is no user nobody' })
  })

  it('gets other roles, which count with the next call', async () => {
    const dan = await server.createUser('dan', 'readonly')
    expect((await update('dan', 'auditor', 'developer@app/development')).roles).toEqual([
      'auditor',
      'developer@app/development',
    ])
    expect((await me(dan)).permissions).toContain('audit:read')
    expect(await eventsOf('dan')).toContainEqual({
      type: 'user.updated',
      by: 'admin',
      data: { were: ['readonly'], roles: ['auditor', 'developer@app/development'] },
    })
  })

  it('who gets the roles they have is not changed', async () => {
    await server.createUser('eli', 'readonly', 'auditor')
    await update('eli', 'auditor', 'readonly')
    expect((await eventsOf('eli')).map(({ type }) => type)).toEqual(['user.created'])
  })

  it('who is suspended can do nothing until they are activated, and is told no more than a stranger', async () => {
    const fay = await server.createUser('fay', 'developer')
    expect(await suspend('fay', 'INC-7: laptop lost')).toMatchObject({
      status: 'suspended',
      suspended: { by: 'admin', reason: 'INC-7: laptop lost' },
    })
    const stranger = await refusal(me(testUser(server.url, 'nobody', `twl_user_${'0'.repeat(64)}`)))
    expect(stranger).toMatchObject({ code: 'unauthenticated' })
    expect(await refusal(me(fay))).toEqual(stranger)
    expect(await activate('fay')).toMatchObject({ status: 'active', suspended: null, roles: ['developer'] })
    expect((await me(fay)).name).toBe('fay')
    expect((await eventsOf('fay')).map(({ type }) => type)).toEqual([
      'user.created',
      'user.suspended',
      'user.activated',
    ])
    expect(JSON.stringify(await readAuditBodies(server))).not.toContain('laptop')
  })

  it('is suspended, activated or removed once, however often it is said', async () => {
    await server.createUser('gus', 'developer')
    for (const change of [suspend, suspend, activate, activate, remove, remove]) await change('gus')
    expect((await eventsOf('gus')).map(({ type }) => type)).toEqual([
      'user.created',
      'user.suspended',
      'user.activated',
      'user.removed',
    ])
  })

  it('who is removed has no roles and no tokens, does not come back, and keeps the name', async () => {
    const hal = await server.createUser('hal', 'developer')
    expect(await remove('hal')).toMatchObject({ status: 'removed', roles: [] })
    expect(await refusal(me(hal))).toMatchObject({ code: 'unauthenticated' })
    for (const call of [
      activate,
      suspend,
      (name: string) => update(name, 'admin'),
      (name: string) => admin().call(identity.createUser, { body: { name, roles: ['readonly'] } }),
      (user: string) => admin().call(identity.createToken, { body: { user } }),
    ])
      expect(await refusal(call('hal'))).toMatchObject({ code: 'user_removed' })
    const { items } = await admin().call(identity.listTokens, { query: { user: 'hal' } })
    expect(items.map(({ revoked_at }) => revoked_at)).toEqual([expect.any(String)])
  })

  it('of a name that is in use is not created again', async () => {
    await server.createUser('ida', 'developer')
    const again = admin().call(identity.createUser, { body: { name: 'ida', roles: ['admin'] } })
    expect(await refusal(again)).toMatchObject({ code: 'user_exists' })
    expect((await show('ida')).roles).toEqual(['developer'])
  })
})

describe('the list of users', () => {
  it('is by name, page by page, and by status', async () => {
    for (const name of ['zoe-1', 'zoe-2', 'zoe-3']) await server.createUser(name, 'readonly')
    await suspend('zoe-2')
    const names: string[] = []
    for (let cursor: string | null = 'zoe'; cursor !== null; ) {
      const page: { items: { name: string }[]; next_cursor: string | null } = await admin().call(identity.listUsers, {
        query: { cursor, limit: 2 },
      })
      names.push(...page.items.map(({ name }) => name))
      cursor = page.next_cursor
    }
    expect(names).toEqual(['zoe-1', 'zoe-2', 'zoe-3'])
    const suspended = await admin().call(identity.listUsers, { query: { status: 'suspended' } })
    expect(suspended.items.map(({ name }) => name)).toEqual(['zoe-2'])
  })

  it('of the roles says what each may do', async () => {
    const { items } = await admin().call(identity.listRoles, {})
    expect(items.map(({ name }) => name)).toEqual(ROLE_NAMES)
    expect(items.find(({ name }) => name === 'approver')?.permissions).toEqual(ROLES.approver)
  })
})

describe('a repeated call with one idempotency key', () => {
  const call = (method: string, path: string, key: string, body: unknown) =>
    fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${server.admin.token}`,
        'idempotency-key': key,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  it.each([
    ['PATCH', '/users/kim', { roles: ['auditor'] }],
    ['POST', '/users/kim/suspend', {}],
    ['POST', '/users/kim/activate', {}],
    ['POST', '/users/kim/revoke-tokens', {}],
    ['DELETE', '/users/kim', undefined],
  ])('%s %s changes nothing more and answers the same', async (method, path, body) => {
    if (method === 'PATCH') await server.createUser('kim', 'developer')
    const key = `key ${path} ${method}`.replaceAll(' ', '-')
    const first = await call(method, path, key, body)
    const firstBody = await first.text()
    expect(first.status).toBe(200)
    const events = (await readAuditBodies(server)).length
    const second = await call(method, path, key, body)
    expect([second.status, await second.text()]).toEqual([200, firstBody])
    expect(await readAuditBodies(server)).toHaveLength(events)
  })

  it('with another body is refused', async () => {
    await server.createUser('lea', 'developer')
    await call('PATCH', '/users/lea', 'roles-of-lea', { roles: ['auditor'] })
    const other = await call('PATCH', '/users/lea', 'roles-of-lea', { roles: ['admin'] })
    expect([other.status, await other.json()]).toMatchObject([409, { code: 'idempotency_key_reused' }])
    expect((await show('lea')).roles).toEqual(['auditor'])
  })
})

describe('the requests of somebody who is removed', () => {
  it('are withdrawn by the system, with what they had queued', async () => {
    const mia = await server.createUser('mia', 'developer')
    const pending = await submit(mia.client, 'select 1', 'app/production')
    const queued = await submit(mia.client, 'select 1', 'app/development', { start: 'on_approval' })
    await remove('mia')
    for (const { id } of [pending, queued]) {
      const request = await admin().call(api.requests.get, { params: { id } })
      expect(request).toMatchObject({ status: 'cancelled', requester: 'mia', frozen: false })
    }
    const execution = await admin().call(api.executions.get, { params: { id: queued.latest_execution?.id ?? '' } })
    expect(execution).toMatchObject({ status: 'cancelled', effect: 'none' })
    const events = (await readAuditBodies(server)).filter(({ subject }) => subject?.id === pending.id)
    expect(events.at(-1)).toMatchObject({ type: 'request.cancelled', actor: { type: 'system' } })
  })
})
