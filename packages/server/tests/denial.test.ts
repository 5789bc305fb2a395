import { api } from '@twinlock/contract'
import { readAuditBodies, startTestServer, submit, type TestServer, type TestUser } from '@twinlock/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const CONFIG = `
[[databases]]
name = "app"
environments = ["production", "nobody"]
dialect = "postgresql"

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
operations = ["ddl", "select"]
[[workflows.steps]]
approvers = [{ role = "approver" }]
`

let server: TestServer
let alice: TestUser
let rita: TestUser
let audra: TestUser

beforeAll(async () => {
  server = await startTestServer({ config: CONFIG })
  alice = await server.createUser('alice', 'developer')
  rita = await server.createUser('rita', 'readonly')
  audra = await server.createUser('audra', 'auditor')
})
afterAll(() => server[Symbol.asyncDispose]())

async function countRequests(): Promise<number> {
  const { rows } = await server.server.ctx.db.read
    .selectFrom('requests')
    .select((eb) => eb.fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow()
  return rows
}

/** Submits what must be denied; checks that nothing was made of it and that the log says who tried. */
async function expectDenied(who: TestUser, sql: string, target: string, code: string, reason = 'INC-1') {
  const before = await countRequests()
  await expect(submit(who.client, sql, target, { reason })).rejects.toMatchObject({ code })
  expect(await countRequests()).toBe(before)
  const last = (await readAuditBodies(server)).at(-1)
  expect(last).toMatchObject({ actor: { type: 'user', id: who.name }, data: { code } })
}

describe('a submission is denied, makes nothing and is in the log', () => {
  it.each([
    ['without a workflow for the target', 'select 1', 'app/nobody', 'no_matching_workflow'],
    ['without a workflow for the operation', 'do $$ begin end $$', 'app/production', 'no_matching_workflow'],
    ['when it cannot be parsed', 'selec 1', 'app/production', 'no_matching_workflow'],
    ['for an unknown database', 'select 1', 'billing/production', 'unknown_target'],
    ['for an unknown environment', 'select 1', 'app/staging', 'unknown_target'],
    ['for transaction control', 'commit', 'app/production', 'statement_forbidden'],
    [
      'for a statement that cannot share a transaction',
      'create index concurrently i on t (a); create table x ()',
      'app/production',
      'mixed_transactionality',
    ],
    [
      'for statements under different workflows',
      'create table x (); delete from users',
      'app/production',
      'mixed_operations',
    ],
    ['for them in the other order', 'delete from users; create table x ()', 'app/production', 'mixed_operations'],
    [
      'for one hidden in a CTE',
      'create table x (); with d as (delete from users returning *) select * from d',
      'app/production',
      'mixed_operations',
    ],
  ])('%s', async (_, sql, target, code) => {
    await expectDenied(alice, sql, target, code)
  })

  it('for a role that may not run such statements', async () => {
    await expectDenied(rita, 'delete from users', 'app/production', 'operation_not_permitted')
  })

  it('for a role that may not submit at all', async () => {
    await expectDenied(audra, 'select 1', 'app/production', 'permission_denied')
  })

  it('without a reason where one is asked for', async () => {
    await expect(submit(alice.client, 'delete from users', 'app/production')).rejects.toMatchObject({
      code: 'reason_required',
    })
  })

  it('when the policy cannot be evaluated; the cause stays in the log of the server', async () => {
    await using broken = await startTestServer({
      config: CONFIG,
      overrides: {
        decideSubmission: () => {
          throw new Error('the secret inner state of the policy')
        },
      },
    })
    const ada = await broken.createUser('alice', 'developer')
    const error = await submit(ada.client, 'select 1', 'app/production').catch((caught) => caught)
    expect(error).toMatchObject({ code: 'policy_error', data: { errorId: expect.stringMatching(/^err_/) } })
    expect(JSON.stringify(error.data)).not.toContain('secret inner')
    expect(broken.logLines.join('')).toContain(error.data.errorId)
    expect((await readAuditBodies(broken)).at(-1)).toMatchObject({
      type: 'request.denied',
      data: { code: 'policy_error' },
    })
  })
})

describe('a mixture of statements', () => {
  const OF = {
    select: ['select 1', 'table t', 'values (1)'],
    ddl: ['create table x ()', 'drop table y', 'alter table t add column b int'],
    dml: [
      'delete from t',
      'with x as (select 1) update t set a = 2',
      'select f()',
      'merge into t using s on t.a = s.a when matched then delete',
    ],
    other: ['grant all on t to public', 'do $$ begin end $$', "copy t from program 'true'"],
  }

  it('with a write in it is never approved by fewer people than the write alone needs', async () => {
    let accepted = 0
    const statement = fc.constantFrom(...Object.values(OF).flat())
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 4 }), async (statements) => {
        const request = await submit(alice.client, statements.join('; '), 'app/production', { reason: 'x' }).catch(
          (error) => {
            expect(['mixed_operations', 'no_matching_workflow', 'statement_forbidden']).toContain(error.code)
          },
        )
        if (!request) return
        accepted++
        const writes = statements.some((one) => OF.dml.includes(one))
        const needed = request.steps.reduce(
          (sum, step) => sum + step.approvers.reduce((n, entry) => n + entry.min, 0),
          0,
        )
        expect(needed).toBeGreaterThanOrEqual(writes ? 2 : 1)
        expect(statements.some((one) => OF.other.includes(one))).toBe(false)
        // Where anything needs two people, everything in the request is of the kind that does.
        if (writes) expect(statements.every((one) => OF.dml.includes(one))).toBe(true)
      }),
      { numRuns: 60 },
    )
    expect(accepted).toBeGreaterThan(5)
  })
})

describe('what a caller may not do', () => {
  it('an agent is refused what is for people, and people what is for agents', async () => {
    const call = (token: string, path: string, body: unknown) =>
      fetch(`${server.url}/api/v1${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    expect((await call(server.agentToken, '/requests', {})).status).toBe(403)
    expect((await call(server.admin.token, '/agent/poll', {})).status).toBe(403)
  })

  it('no token, a malformed, an unknown and an expired one get the same answer', async () => {
    const answers = await Promise.all(
      [
        undefined,
        'Bearer x',
        `Bearer twl_user_${'0'.repeat(64)}`,
        `Basic ${alice.token}`,
        `Bearer ${alice.token}x`,
      ].map(async (authorization) => {
        const response = await fetch(`${server.url}/api/v1/me`, authorization ? { headers: { authorization } } : {})
        return `${response.status} ${await response.text()}`
      }),
    )
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toMatch(/^401 .*"code":"unauthenticated"/)
  })

  it('a token ends when it expires', async () => {
    const { token } = await server.admin.client.call(api.identity.createToken, {
      body: { user: 'alice', expires_in_s: 1 },
    })
    const me = () => fetch(`${server.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })
    expect((await me()).status).toBe(200)
    await expect.poll(async () => (await me()).status, { timeout: 5000 }).toBe(401)
  })

  it('an unknown field in a body is a 400 that names it', async () => {
    const response = await fetch(`${server.url}/api/v1/requests`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ database: 'app', environment: 'production', sql: 'select 1', emergency: true }),
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: 'invalid_request',
      errors: [{ message: expect.stringContaining('emergency') }],
    })
  })
})
