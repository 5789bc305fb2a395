import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api, type EndpointInput } from '@twinlock/contract'
import { sweep } from '@twinlock/server'
import {
  createFakeClock,
  type FakeClock,
  readAuditBodies,
  startTestServer,
  type TestServer,
  type TestUser,
  testUser,
} from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refusal } from './fixtures/manual-agent.ts'

const { identity } = api
const HOUR_MS = 3_600_000

let server: TestServer
let clock: FakeClock
let alice: TestUser
let audra: TestUser
beforeAll(async () => {
  clock = createFakeClock()
  server = await startTestServer({ overrides: { clock } })
  alice = await server.createUser('alice', 'developer')
  audra = await server.createUser('audra', 'auditor')
})
afterAll(() => server[Symbol.asyncDispose]())

type Body = EndpointInput<typeof identity.createToken>['body']

async function newToken(body: Body) {
  const made = await server.admin.client.call(identity.createToken, { body })
  return { ...made, holder: testUser(server.url, body.user, made.token ?? '') }
}
const me = (who: TestUser) => who.client.call(identity.me, {})
const list = async (who: TestUser, query = {}) => (await who.client.call(identity.listTokens, { query })).items
const revoke = (who: TestUser, id: string) => who.client.call(identity.revokeToken, { params: { id } })
const revokeAll = (who: TestUser, name: string) =>
  who.client.call(identity.revokeTokens, { params: { name }, body: {} })

describe('a token', () => {
  it('is shown once, and its secret is nowhere in the state, the log or the audit log', async () => {
    const { id, token = '' } = await newToken({ user: 'alice', label: 'laptop', expires_in_s: 3600 })
    expect(token).toMatch(/^twl_user_[0-9a-f]{64}$/)
    const shown = (await list(alice)).find((one) => one.id === id)
    expect(shown).toMatchObject({ label: 'laptop', user: 'alice', kind: 'user', revoked_at: null })
    expect(shown).not.toHaveProperty('token')
    const secret = token.slice('twl_user_'.length)
    const everything = [
      JSON.stringify(await server.server.ctx.db.read.selectFrom('tokens').selectAll().execute()),
      JSON.stringify(await readAuditBodies(server)),
      server.logLines.join(''),
    ]
    for (const text of everything) expect(text).not.toContain(secret)
  })

  it('works until it expires', async () => {
    const { holder } = await newToken({ user: 'alice', expires_in_s: 10 })
    expect((await me(holder)).token_expires_at).toBe(new Date(clock.now() + 10_000).toISOString())
    clock.advance(9_999)
    expect((await me(holder)).name).toBe('alice')
    clock.advance(1)
    expect(await refusal(me(holder))).toMatchObject({ code: 'unauthenticated' })
  })

  it('that is revoked does not work any more, the others do, and revoking it again changes nothing', async () => {
    const one = await newToken({ user: 'alice' })
    const other = await newToken({ user: 'alice' })
    const { revoked_at } = await revoke(server.admin, one.id)
    clock.advance(1000)
    expect(revoked_at).not.toBeNull()
    expect(await refusal(me(one.holder))).toMatchObject({ code: 'unauthenticated' })
    expect((await me(other.holder)).name).toBe('alice')
    expect((await revoke(server.admin, one.id)).revoked_at).toBe(revoked_at)
    const events = (await readAuditBodies(server)).filter(({ subject }) => subject?.id === one.id)
    expect(events.map(({ type, actor }) => [type, actor.id])).toEqual([
      ['token.created', 'admin'],
      ['token.revoked', 'admin'],
    ])
  })

  it("may be revoked by its holder, also the one they call with, and not by somebody else's", async () => {
    const { id, holder } = await newToken({ user: 'alice' })
    const bob = await server.createUser('bob', 'developer')
    const missing = `tok_${'0'.repeat(26)}`
    expect(await refusal(revoke(bob, id))).toMatchObject({ code: 'token_not_found', detail: `there is no token ${id}` })
    expect(await refusal(revoke(bob, missing))).toMatchObject({ detail: `there is no token ${missing}` })
    expect((await revoke(holder, id)).revoked_at).not.toBeNull()
    expect(await refusal(me(holder))).toMatchObject({ code: 'unauthenticated' })
  })
})

describe('all the tokens of a user', () => {
  it('are revoked at once by themselves or an administrator, and by nobody else', async () => {
    const cat = await server.createUser('cat', 'developer')
    await newToken({ user: 'cat' })
    expect(await refusal(revokeAll(alice, 'cat'))).toEqual(await refusal(revokeAll(alice, 'nobody')))
    expect(await refusal(revokeAll(audra, 'cat'))).toMatchObject({ code: 'permission_denied' })
    expect(await revokeAll(cat, 'cat')).toEqual({ revoked: 2 })
    expect(await refusal(me(cat))).toMatchObject({ code: 'unauthenticated' })
    const { holder } = await newToken({ user: 'cat' })
    expect(await revokeAll(server.admin, 'cat')).toEqual({ revoked: 1 })
    expect(await refusal(me(holder))).toMatchObject({ code: 'unauthenticated' })
    expect(await refusal(revokeAll(server.admin, 'nobody'))).toMatchObject({ code: 'user_not_found' })
  })
})

describe('the list of tokens', () => {
  it("is of one's own; of others and of agents only with token:read", async () => {
    await server.admin.client.call(identity.createAgentToken, {
      body: { targets: [{ database: 'app', environment: 'production' }], label: 'prod' },
    })
    expect(new Set((await list(alice)).map(({ user }) => user))).toEqual(new Set(['alice']))
    expect(await list(alice, { user: 'alice', kind: 'agent' })).toEqual([])
    const denied = await refusal(list(alice, { user: 'audra' }))
    expect(denied).toMatchObject({ code: 'permission_denied' })
    expect(await refusal(list(alice, { user: 'nobody' }))).toEqual(denied)
    expect(await refusal(list(alice, { all: 'true' }))).toEqual(denied)
    expect(new Set((await list(audra, { user: 'alice' })).map(({ user }) => user))).toEqual(new Set(['alice']))
    const ofAgents = await list(audra, { all: 'true', kind: 'agent' })
    expect(ofAgents).toContainEqual(expect.objectContaining({ label: 'prod', targets: ['app/production'], user: null }))
    expect(await refusal(list(audra, { user: 'nobody' }))).toMatchObject({ code: 'user_not_found' })
  })

  it('comes page by page, newest first, without gaps', async () => {
    const whole = (await list(audra, { all: 'true', limit: 200 })).map(({ id }) => id)
    const seen: string[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const query = { all: 'true' as const, limit: 3, ...(cursor ? { cursor } : {}) }
      const page = await audra.client.call(identity.listTokens, { query })
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.next_cursor
    }
    expect(seen).toEqual(whole)
    expect(whole).toEqual(whole.toSorted().toReversed())
    expect(await refusal(list(audra, { cursor: "' or 1=1 --" }))).toMatchObject({ code: 'invalid_cursor' })
  })
})

describe('the last use', () => {
  const seen = async (name: string) =>
    (await server.admin.client.call(identity.getUser, { params: { name } })).last_seen_at
  const written = async (id: string) =>
    (
      await server.server.ctx.db.read
        .selectFrom('tokens')
        .select('last_used_at')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
    ).last_used_at
  const hour = () => new Date(clock.now() - (clock.now() % HOUR_MS)).toISOString()

  it('is shown at once, to the hour, and written hourly and not before', async () => {
    const dan = await server.createUser('dan', 'developer')
    expect(await seen('dan')).toBeNull()
    await sweep(server.server.ctx)
    await me(dan)
    const [token] = await list(dan)
    expect([await seen('dan'), token?.last_used_at]).toEqual([hour(), hour()])
    await sweep(server.server.ctx)
    expect(await written(token?.id ?? '')).toBeNull()
    const usedIn = hour()
    clock.advance(HOUR_MS)
    // The server sweeps by itself, too: whoever is first writes it.
    await expect.poll(() => written(token?.id ?? '')).toBe(Date.parse(usedIn))
    expect(await seen('dan')).toBe(usedIn)
  })

  it('is not written again where nothing was used in another hour', async () => {
    const { ctx } = server.server
    clock.advance(HOUR_MS)
    await sweep(ctx)
    clock.advance(HOUR_MS)
    await sweep(ctx)
    expect(ctx.lastUse.due(true)).toEqual([])
  })

  it('is written when the server ends', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'twinlock-tokens-'))
    try {
      {
        await using before = await startTestServer({ stateDir })
        await me(await before.createUser('eve', 'developer'))
      }
      await using after = await startTestServer({ stateDir })
      const { last_seen_at } = await after.admin.client.call(identity.getUser, { params: { name: 'eve' } })
      expect(last_seen_at).not.toBeNull()
    } finally {
      rmSync(stateDir, { recursive: true, force: true })
    }
  })
})
