import { api } from '@twinlock/contract'
import { startTestServer, type TestServer, type TestUser } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let server: TestServer
let alice: TestUser

beforeAll(async () => {
  server = await startTestServer()
  alice = await server.createUser('alice', 'developer')
})
afterAll(() => server[Symbol.asyncDispose]())

const ask = (key: string, sql: string, environment = 'development', who = alice) =>
  who.client.call(api.requests.create, { body: { database: 'app', environment, sql } }, { idempotencyKey: key })

describe('an idempotency key', () => {
  it('makes one request, however often it is sent, also at once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('k-1', 'select 1')))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    expect((await ask('k-1', 'select 1')).id).toBe(answers[0]?.id)
  })

  it('answers 201 first and 200 when repeated', async () => {
    const send = () =>
      fetch(`${server.url}/api/v1/requests`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${alice.token}`,
          'content-type': 'application/json',
          'idempotency-key': 'k-2',
        },
        body: JSON.stringify({ database: 'app', environment: 'development', sql: 'select 2' }),
      })
    expect([(await send()).status, (await send()).status]).toEqual([201, 200])
  })

  it('with another body or target is a conflict, not an answer', async () => {
    await ask('k-3', 'select 1')
    await expect(ask('k-3', 'select 2')).rejects.toMatchObject({ code: 'idempotency_key_reused' })
    await expect(ask('k-3', 'select 1', 'production')).rejects.toMatchObject({ code: 'idempotency_key_reused' })
  })

  it('belongs to one person', async () => {
    const dora = await server.createUser('dora', 'developer')
    const mine = await ask('k-4', 'select 1')
    expect((await ask('k-4', 'select 1', 'development', dora)).id).not.toBe(mine.id)
  })

  it('does not keep an error', async () => {
    await expect(ask('k-5', 'commit')).rejects.toMatchObject({ code: 'statement_forbidden' })
    expect((await ask('k-5', 'select 1')).status).toBe('approved')
  })

  it("shows a token's secret in the first answer alone", async () => {
    const create = () =>
      server.admin.client.call(api.identity.createToken, { body: { user: 'alice' } }, { idempotencyKey: 'k-6' })
    const first = await create()
    const second = await create()
    expect(first.token).toMatch(/^twl_user_[0-9a-f]{64}$/)
    expect([second.id, second.token]).toEqual([first.id, undefined])
  })
})
