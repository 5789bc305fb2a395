import { ALL_ENDPOINTS, api, type Endpoint, endpointPath, ROLE_NAMES, type Role } from '@twinlock/contract'
import { createFakeClock, startTestServer, submit, type TestServer } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCESS_ROWS, NOBODYS, type Row, type Sample, type Things } from './fixtures/access-rows.ts'
import { createManualAgent, SUCCEEDED } from './fixtures/manual-agent.ts'

const CONFIG = `
[[databases]]
name = "app"
environments = ["development", "production"]
dialect = "postgresql"
[[workflows]]
database = "*"
environment = "*"
operations = ["select"]
auto_approve = "always"
[[workflows]]
database = "*"
environment = "*"
operations = ["dml"]
[[workflows.steps]]
approvers = [{ role = "approver" }]
`

let server: TestServer
let things: Things
/** `Authorization` headers by what they are; undefined for none. */
const strangers = new Map<string, string | undefined>()
const agents = new Map<string, string>()
const people = new Map<string, { readonly role: Role; readonly elsewhere: boolean; readonly header: string }>()

beforeAll(async () => {
  const clock = createFakeClock()
  server = await startTestServer({ config: CONFIG, overrides: { clock } })
  const { client } = server.admin
  const newToken = async (body: { user: string; expires_in_s?: number }) =>
    client.call(api.identity.createToken, { body })
  const newAgentToken = async (environment: string, expires_in_s?: number) =>
    client.call(api.identity.createAgentToken, {
      body: { targets: [{ database: 'app', environment }], ...(expires_in_s ? { expires_in_s } : {}) },
    })
  const bearer = ({ token = '' }: { token?: string | undefined }) => `Bearer ${token}`
  const revoked = async (made: { id: string; token?: string | undefined }) => {
    await client.call(api.identity.revokeToken, { params: { id: made.id } })
    return bearer(made)
  }

  for (const role of ROLE_NAMES) {
    people.set(role, { role, elsewhere: false, header: bearer(await server.createUser(`a-${role}`, role)) })
    const name = `b-${role}`
    const held = await server.createUser(name, `${role}@app/development`)
    people.set(`${role} of another target`, { role, elsewhere: true, header: bearer(held) })
  }

  const alice = await server.createUser('alice', 'developer')
  const prod = await newAgentToken('production')
  const agent = createManualAgent(server, prod.token ?? '', 'prod-1', ['app/production'])
  const finished = await submit(alice.client, 'select 1', 'app/production', { start: 'on_approval' })
  const [lease] = await agent.poll()
  if (!lease) throw new Error('the agent got nothing')
  await agent.start(lease)
  await agent.chunk(lease, 0, '{"statement":1,"columns":[]}\n')
  await agent.report(lease, { ...SUCCEEDED, chunks: 1, result_sha256: '0'.repeat(64) })
  const open = await submit(alice.client, 'select 1', 'app/production', { start: 'on_approval' })
  const [running] = await agent.poll()
  if (!running) throw new Error('the agent got nothing')
  await agent.start(running)
  const pending = await submit(alice.client, 'delete from t where id = 1', 'app/production')
  const token = await newToken({ user: 'alice' })
  things = {
    request: pending.id,
    number: String(open.number),
    execution: running.execution_id,
    finished: finished.latest_execution?.id ?? '',
    user: 'alice',
    token: token.id,
    target: 'production',
  }

  agents.set("an agent's", bearer(await newAgentToken('development')))
  agents.set('the first', `Bearer ${server.agentToken}`)
  const sue = await server.createUser('sue', 'admin')
  await client.call(api.identity.suspendUser, { params: { name: 'sue' }, body: {} })
  const rob = await server.createUser('rob', 'admin')
  await client.call(api.identity.removeUser, { params: { name: 'rob' } })
  const expired = bearer(await newToken({ user: 'alice', expires_in_s: 1 }))
  const expiredAgent = bearer(await newAgentToken('production', 1))
  clock.advance(1000)
  const made: [string, string | undefined][] = [
    ['none', undefined],
    ['an empty one', ''],
    ['no bearer', 'Basic YWRtaW46YWRtaW4='],
    ['a malformed one', 'Bearer twl_user_short'],
    ['an unknown one', `Bearer twl_user_${'0'.repeat(64)}`],
    ["an unknown agent's", `Bearer twl_agent_${'0'.repeat(64)}_${'0'.repeat(64)}`],
    ['a very long one', `Bearer ${'x'.repeat(1000)}`],
    ["one of a user, called an agent's", bearer({ token: server.admin.token.replace('user', 'agent') })],
    ['an expired one', expired],
    ["an expired agent's", expiredAgent],
    ['a revoked one', await revoked(await newToken({ user: 'alice' }))],
    ["a revoked agent's", await revoked(await newAgentToken('production'))],
    ["a suspended person's", bearer(sue)],
    ["a removed person's", bearer(rob)],
  ]
  for (const [name, header] of made) strangers.set(name, header)
})
afterAll(() => server[Symbol.asyncDispose]())

interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

/** What differs between any two answers. */
const UNSTEADY = ['date', 'x-call-id', 'content-length']

async function call(endpoint: Endpoint, sample: Sample, authorization: string | undefined): Promise<Answer> {
  const url = new URL(endpointPath(endpoint, sample.params), server.url)
  for (const [name, value] of Object.entries(sample.query ?? {})) url.searchParams.set(name, value)
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
  if (endpoint.body) headers['content-type'] = 'application/json'
  if (endpoint.rawBody) headers['content-type'] = 'application/octet-stream'
  const body = endpoint.rawBody ? Buffer.from('x') : endpoint.body ? JSON.stringify(sample.body ?? {}) : undefined
  const response = await fetch(url, { method: endpoint.method, headers, ...(body === undefined ? {} : { body }) })
  return {
    status: response.status,
    headers: Object.fromEntries([...response.headers].filter(([name]) => !UNSTEADY.includes(name))),
    body: await response.text(),
  }
}

const codeOf = ({ body }: Answer): unknown => (body.startsWith('{"type"') ? JSON.parse(body).code : undefined)

/** An input that no handler gets to see, so that being let in changes nothing. */
function invalid(endpoint: Endpoint, sample: Sample): Sample {
  if (endpoint.body) return { ...sample, body: { 'no such field': 1, lease_id: 1 } }
  if (endpoint.query) return { ...sample, query: { 'no such field': '1', lease_id: '1' } }
  return endpoint.params
    ? { params: Object.fromEntries(Object.keys(sample.params ?? {}).map((name) => [name, '!'])) }
    : {}
}

/** An answer without the names that were asked for. */
function unnamed(answer: Answer, asked: Things): Answer {
  let { body } = answer
  for (const name of Object.values(asked).sort((a, b) => b.length - a.length)) body = body.replaceAll(name, '?')
  return { ...answer, body }
}

function rowOf(endpoint: Endpoint): Row {
  const row = ACCESS_ROWS[endpoint.name]
  if (!row) throw new Error(`${endpoint.name} has no row in access-rows.ts: say who may call it`)
  return row
}

const isLetIn = (row: Row, role: Role, elsewhere: boolean) =>
  Array.isArray(row.callers) && row.callers.includes(role) && !(elsewhere && row.everywhere)

describe('the matrix', () => {
  it('has one row for each endpoint', () => {
    expect(Object.keys(ACCESS_ROWS).sort()).toEqual(ALL_ENDPOINTS.map(({ name }) => name).sort())
  })

  it('has an endpoint that is served for each row', async () => {
    const missing: string[] = []
    for (const endpoint of ALL_ENDPOINTS) {
      const { status } = await call(endpoint, rowOf(endpoint).sample(NOBODYS), undefined)
      if (status === 404) missing.push(endpoint.name)
    }
    expect(missing).toEqual([])
  })
})

describe.each(ALL_ENDPOINTS.map((endpoint) => [endpoint.name, endpoint] as const))('%s', (_, endpoint) => {
  const row = rowOf(endpoint)

  if (row.callers === 'public')
    it('answers anybody', async () => {
      for (const header of [...strangers.values(), ...agents.values()])
        expect((await call(endpoint, {}, header)).status).toBe(200)
    })
  else
    it('is the same closed door to whoever has no token that works, whatever they ask for', async () => {
      const [first] = strangers.values()
      const closed = await call(endpoint, row.sample(things), first)
      expect([closed.status, codeOf(closed)]).toEqual([401, 'unauthenticated'])
      for (const [who, header] of strangers)
        for (const sample of [row.sample(things), row.sample(NOBODYS), invalid(endpoint, row.sample(things))])
          expect({ who, ...(await call(endpoint, sample, header)) }).toEqual({ who, ...closed })
    })

  if (Array.isArray(row.callers))
    it('refuses the token of an agent', async () => {
      for (const header of agents.values())
        for (const sample of [row.sample(things), row.sample(NOBODYS), invalid(endpoint, row.sample(things))]) {
          const answer = await call(endpoint, sample, header)
          expect([answer.status, codeOf(answer)]).toEqual([403, 'permission_denied'])
        }
    })

  if (row.callers !== 'public')
    it('lets in the roles of its row, and tells the others one thing whatever they ask for', async () => {
      const refusals = new Set<string>()
      for (const [who, { role, elsewhere, header }] of people) {
        if (isLetIn(row, role, elsewhere)) {
          const answer = await call(endpoint, invalid(endpoint, row.sample(things)), header)
          const isClosed = codeOf(answer) === 'permission_denied' || answer.status === 401
          expect({ who, isClosed, status: answer.status }).toMatchObject({ who, isClosed: false })
          continue
        }
        for (const sample of [row.sample(things), row.sample(NOBODYS), invalid(endpoint, row.sample(things))]) {
          const answer = await call(endpoint, sample, header)
          expect({ who, code: codeOf(answer) }).toEqual({ who, code: 'permission_denied' })
          refusals.add(JSON.stringify(answer))
        }
      }
      expect(refusals.size).toBeLessThanOrEqual(1)
    })

  if (row.callers === 'agents')
    it("lets agents in, and no agent to another's execution", async () => {
      for (const header of agents.values()) {
        const refused = await call(endpoint, invalid(endpoint, row.sample(things)), header)
        expect([401, 403, 404]).not.toContain(refused.status)
        if (row.finds !== 'nothing') continue
        const body =
          endpoint.name === 'agents.outcome' ? { body: { ...SUCCEEDED, ...(row.sample(things).body as object) } } : {}
        const there = await call(endpoint, { ...row.sample(things), ...body }, header)
        const missing = await call(endpoint, { ...row.sample(NOBODYS), ...body }, header)
        expect(codeOf(there)).toBe('execution_not_found')
        expect(unnamed(there, things)).toEqual(unnamed(missing, NOBODYS))
      }
    })

  if (row.finds === 'nothing' && Array.isArray(row.callers))
    it('tells somebody of another target nothing: what is there and what is not are one answer', async () => {
      for (const [who, { role, elsewhere, header }] of people) {
        if (!elsewhere || !isLetIn(row, role, elsewhere)) continue
        const there = await call(endpoint, row.sample(things), header)
        const missing = await call(endpoint, row.sample(NOBODYS), header)
        expect(there.status).toBeGreaterThanOrEqual(403)
        expect({ who, ...unnamed(there, things) }).toEqual({ who, ...unnamed(missing, NOBODYS) })
      }
    })

  if (row.finds === 'nothing' && /^(requests\.(?!create)|executions)/.test(endpoint.name))
    it('tells people of the same target nothing of what is not for their eyes', async () => {
      for (const role of ['developer', 'readonly'] as const) {
        if (!isLetIn(row, role, false)) continue
        const header = people.get(role)?.header
        const there = await call(endpoint, row.sample(things), header)
        const missing = await call(endpoint, row.sample(NOBODYS), header)
        expect(there.status).toBe(404)
        expect({ role, ...unnamed(there, things) }).toEqual({ role, ...unnamed(missing, NOBODYS) })
      }
    })

  if (row.finds === 'filtered')
    it('leaves out what is of another target', async () => {
      for (const [who, { role, elsewhere, header }] of people) {
        if (!elsewhere || !isLetIn(row, role, elsewhere)) continue
        const { status, body } = await call(endpoint, row.sample(things), header)
        expect({ who, status }).toEqual({ who, status: 200 })
        expect(body).not.toMatch(/production|prod-1|alice/)
      }
    })
})

describe('after all those calls', () => {
  it('nothing has changed', async () => {
    const { client } = server.admin
    expect(await client.call(api.identity.getUser, { params: { name: 'alice' } })).toMatchObject({
      status: 'active',
      roles: ['developer'],
    })
    expect(await client.call(api.requests.get, { params: { id: things.request } })).toMatchObject({ status: 'pending' })
    expect(await client.call(api.executions.get, { params: { id: things.execution } })).toMatchObject({
      status: 'running',
      cancel: null,
    })
    const { items } = await client.call(api.identity.listUsers, { query: { limit: 200 } })
    expect(items.map(({ name }) => name)).not.toContain('nobody')
  })
})
