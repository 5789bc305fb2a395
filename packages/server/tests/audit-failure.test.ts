import { randomBytes } from 'node:crypto'
import { api, LEASE_MS, START_WITHIN_MS } from '@twinlock/contract'
import { verifyChain } from '@twinlock/evidence'
import { sweep } from '@twinlock/server'
import { readAuditRecords, startTestServer, submit, type TestServer, type TestUser } from '@twinlock/testing'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { createHoldingClock, createManualAgent, type Held, type ManualAgent } from './fixtures/manual-agent.ts'

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
pending_ttl = "1h"
[[workflows.steps]]
approvers = [{ role = "approver" }]
`
/** What only an audit record is salted with, and tokens are made of. */
const SALT_BYTES = 32
const TABLES = ['requests', 'reviews', 'executions', 'agents', 'users', 'tokens', 'idempotency_keys', 'audit_records']

interface Stage {
  readonly server: TestServer
  readonly alice: TestUser
  readonly bob: TestUser
  readonly agent: ManualAgent
  readonly pass: (ms: number) => Promise<void>
}

interface Change {
  readonly name: string
  /** Leads to the moment before the change and returns the change. */
  readonly prepare: (stage: Stage) => Promise<() => Promise<unknown>>
  /** The server's own work: it fails into the server's log, and the next sweep tries again. */
  readonly silent?: true
}

const ask = ({ alice }: Stage) => submit(alice.client, 'select 1', 'app/production')
const queue = ({ alice }: Stage) => submit(alice.client, 'select 1', 'app/development', { start: 'on_approval' })
const body = { step: 1 }

async function lease(stage: Stage): Promise<Held> {
  await queue(stage)
  const [held] = await stage.agent.poll()
  if (held === undefined) throw new Error('the agent got nothing')
  return held
}

async function run(stage: Stage): Promise<Held> {
  const held = await lease(stage)
  await stage.agent.start(held)
  return held
}

const CHANGES: Change[] = [
  { name: 'a submission', prepare: async (stage) => () => ask(stage) },
  { name: 'a submission that starts', prepare: async (stage) => () => queue(stage) },
  {
    name: 'an approval',
    prepare: async (stage) => {
      const params = { id: (await ask(stage)).id }
      return () => stage.bob.client.call(api.requests.approve, { params, body })
    },
  },
  {
    name: 'a rejection',
    prepare: async (stage) => {
      const params = { id: (await ask(stage)).id }
      return () => stage.bob.client.call(api.requests.reject, { params, body })
    },
  },
  {
    name: 'a withdrawal',
    prepare: async (stage) => {
      const params = { id: (await queue(stage)).id }
      return () => stage.alice.client.call(api.requests.cancel, { params, body: {} })
    },
  },
  {
    name: 'the start of an approved request',
    prepare: async ({ alice }) => {
      const params = { id: (await submit(alice.client, 'select 1')).id }
      return () => alice.client.call(api.requests.execute, { params, body: {} })
    },
  },
  {
    name: 'an agent that registers',
    prepare: async ({ server }) => {
      const fresh = createManualAgent(server, server.agentToken, 'dev-2', ['app/development'])
      return () => fresh.poll()
    },
  },
  {
    name: 'a lease',
    prepare: async (stage) => {
      await stage.agent.handBack(await lease(stage))
      return () => stage.agent.poll()
    },
  },
  {
    name: 'the start of an execution',
    prepare: async (stage) => {
      const held = await lease(stage)
      return () => stage.agent.start(held)
    },
  },
  {
    name: 'a hand-back',
    prepare: async (stage) => {
      const held = await lease(stage)
      return () => stage.agent.handBack(held)
    },
  },
  {
    name: 'an outcome',
    prepare: async (stage) => {
      const held = await run(stage)
      return () => stage.agent.report(held)
    },
  },
  {
    name: 'a user',
    prepare: async ({ server }) => {
      const user = { name: 'carol', roles: ['developer' as const] }
      return () => server.admin.client.call(api.identity.createUser, { body: user })
    },
  },
  {
    name: 'other roles',
    prepare: async ({ server }) => {
      const roles = { params: { name: 'bob' }, body: { roles: ['auditor'] } }
      return () => server.admin.client.call(api.identity.updateUser, roles)
    },
  },
  {
    name: 'a suspension',
    prepare: async ({ server }) => {
      const bob = { params: { name: 'bob' }, body: {} }
      return () => server.admin.client.call(api.identity.suspendUser, bob)
    },
  },
  {
    name: 'a removal, with all that goes with it',
    prepare: async (stage) => {
      await queue(stage)
      return () => stage.server.admin.client.call(api.identity.removeUser, { params: { name: 'alice' } })
    },
  },
  {
    name: 'a token',
    prepare: async ({ server }) => {
      const forBob = { body: { user: 'bob' } }
      return () => server.admin.client.call(api.identity.createToken, forBob)
    },
  },
  {
    name: 'tokens that are revoked',
    prepare: async ({ server }) => {
      const ofBob = { params: { name: 'bob' }, body: {} }
      return () => server.admin.client.call(api.identity.revokeTokens, ofBob)
    },
  },
  {
    name: 'an expiry',
    silent: true,
    prepare: async (stage) => {
      await ask(stage)
      return () => stage.pass(3_600_000)
    },
  },
  {
    name: 'a lease that ends',
    silent: true,
    prepare: async (stage) => {
      await lease(stage)
      return () => stage.pass(START_WITHIN_MS)
    },
  },
  {
    name: 'an execution that is lost',
    silent: true,
    prepare: async (stage) => {
      await run(stage)
      return () => stage.pass(LEASE_MS)
    },
  },
]

/** Everything the server knows but when a token was last used, which is no change that somebody made. */
async function stateOf(server: TestServer): Promise<unknown[]> {
  const tables: unknown[] = []
  for (const table of TABLES) {
    const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(
      server.server.ctx.db.read,
    )
    tables.push(rows.map(({ last_used_at: _, ...row }) => row))
  }
  return tables
}

describe('where the log cannot be written, the change does not happen:', () => {
  for (const { name, prepare, silent } of CHANGES)
    it(name, async () => {
      let broken = false
      const clock = createHoldingClock()
      const random = (size: number) => {
        if (broken && size === SALT_BYTES) throw new Error('no entropy')
        return randomBytes(size)
      }
      await using server = await startTestServer({ config: CONFIG, overrides: { clock, random } })
      const { ctx } = server.server
      const stage: Stage = {
        server,
        alice: await server.createUser('alice', 'developer'),
        bob: await server.createUser('bob', 'approver'),
        agent: createManualAgent(server, server.agentToken, 'dev-1', ['app/development']),
        async pass(ms) {
          clock.advance(ms)
          await sweep(ctx).catch(() => {})
        },
      }
      const change = await prepare(stage)
      const before = await stateOf(server)
      broken = true
      if (silent) await change()
      else
        await expect(change()).rejects.toMatchObject({ code: 'internal_error', data: { errorId: expect.any(String) } })
      expect(await stateOf(server)).toEqual(before)
      expect(server.logLines.some((line) => line.includes('no entropy'))).toBe(true)

      // Nothing is stuck: once the log can be written again, the same change happens.
      broken = false
      if (silent) await stage.pass(1000)
      else if (name === 'an agent that registers') await queue(stage).then(change)
      else await change()
      expect(await stateOf(server)).not.toEqual(before)
      expect(await verifyChain(await readAuditRecords(server))).toMatchObject({ ok: true })
    })
})
