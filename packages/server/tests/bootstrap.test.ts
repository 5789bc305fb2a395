import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api } from '@twinlock/contract'
import { generateSigningKey, signingKeyToPem, verifyChain } from '@twinlock/evidence'
import {
  DEFAULT_CONFIG,
  readAuditBodies,
  readAuditRecords,
  startTestServer,
  submit,
  type TestServer,
} from '@twinlock/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHoldingClock, createManualAgent } from './fixtures/manual-agent.ts'

let directory: string
let stateDir: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'twinlock-bootstrap-'))
  stateDir = join(directory, 'state')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const start = (config = DEFAULT_CONFIG) => startTestServer({ stateDir, config })
const modeOf = (path: string) => statSync(path).mode & 0o777
const secretsOf = () =>
  ['admin-token', 'agent-token', 'signing-key.pem'].map((file) => readFileSync(join(stateDir, file), 'utf8'))
const fingerprintOf = (server: TestServer) => server.server.ctx.signingKey.fingerprint
const me = (server: TestServer) => server.admin.client.call(api.identity.me, {})
const removeDatabase = () => {
  for (const file of readdirSync(stateDir)) if (file.startsWith('twinlock.db')) rmSync(join(stateDir, file))
}

async function expectAgentToken(server: TestServer) {
  const agent = createManualAgent(server, server.agentToken, 'dev-1', ['app/development'])
  const alice = await server.createUser('alice', 'developer')
  const { latest_execution } = await submit(alice.client, 'select 1', 'app/development', { start: 'on_approval' })
  expect(await agent.poll()).toMatchObject([{ execution_id: latest_execution?.id }])
}

describe('the first start', () => {
  it('makes state that only its own account can read', async () => {
    await using server = await start()
    await submit((await server.createUser('alice', 'developer')).client, 'select 1')
    expect(modeOf(stateDir)).toBe(0o700)
    expect(modeOf(join(stateDir, 'results'))).toBe(0o700)
    const files = readdirSync(stateDir, { withFileTypes: true }).filter((entry) => entry.isFile())
    expect(files.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['admin-token', 'agent-token', 'signing-key.pem', 'twinlock.db']),
    )
    for (const { name } of files) {
      expect([name, modeOf(join(stateDir, name))]).toEqual([name, 0o600])
      expect(name).not.toMatch(/\.tmp$/)
    }
  })

  it('gives an administrator and an agent for every target, whose token names the signing key', async () => {
    await using server = await start()
    expect(await me(server)).toMatchObject({ name: 'admin', roles: ['admin'] })
    expect(server.agentToken).toMatch(new RegExp(`^twl_agent_[0-9a-f]{64}_${fingerprintOf(server)}$`))
    await expectAgentToken(server)
    expect(server.server.bootstrapFiles).toEqual([join(stateDir, 'admin-token'), join(stateDir, 'agent-token')])
  })

  it('is in the log from the key on, and no secret is in log or database', async () => {
    await using server = await start()
    const bodies = await readAuditBodies(server)
    expect(bodies.map(({ type }) => type)).toEqual([
      'server.key_created',
      'user.created',
      'token.created',
      'token.created',
    ])
    expect(bodies.every(({ actor }) => actor.type === 'system')).toBe(true)
    const written = JSON.stringify(bodies) + server.logLines.join('') + readFileSync(join(stateDir, 'twinlock.db'))
    for (const secret of [server.admin.token, server.agentToken]) {
      const [, , random = secret] = secret.split('_')
      expect(written).not.toContain(random)
    }
  })
})

describe('a later start', () => {
  it('changes nothing', async () => {
    await using first = await start()
    const before = { secrets: secretsOf(), id: (await me(first)).server.id, records: await readAuditRecords(first) }
    await first[Symbol.asyncDispose]()
    for (let i = 0; i < 2; i++) {
      await using again = await start()
      expect(again.server.bootstrapFiles).toEqual([])
      expect(secretsOf()).toEqual(before.secrets)
      expect((await me(again)).server.id).toBe(before.id)
      expect(await readAuditRecords(again)).toEqual(before.records)
    }
  })

  it('does not bring back token files that were put away', async () => {
    await using first = await start()
    const { token } = first.admin
    await first[Symbol.asyncDispose]()
    const files = ['admin-token', 'agent-token']
    for (const file of files) writeFileSync(join(stateDir, file), 'put away')
    await using again = await start()
    expect(files.map((file) => readFileSync(join(stateDir, file), 'utf8'))).toEqual(['put away', 'put away'])
    expect(again.server.bootstrapFiles).toEqual([])
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${again.url}/api/v1/me`, { headers })).status).toBe(200)
  })

  it('goes on with the state of the one before, in one chain', async () => {
    await using first = await start()
    const alice = await first.createUser('alice', 'developer')
    const { id } = await submit(alice.client, 'select 1', 'app/production')
    const { length } = await readAuditRecords(first)
    await first[Symbol.asyncDispose]()
    await using again = await start()
    const approve = { params: { id }, body: { step: 1 } }
    const bob = await again.createUser('bob', 'approver')
    expect(await bob.client.call(api.requests.approve, approve)).toMatchObject({ status: 'approved' })
    const records = await readAuditRecords(again)
    expect(records.length).toBeGreaterThan(length)
    expect(await verifyChain(records)).toEqual({ ok: true, head: expect.objectContaining({ seq: records.length }) })
  })

  it('keeps what was queued and what was leased', async () => {
    const clock = createHoldingClock()
    await using first = await startTestServer({ stateDir, config: DEFAULT_CONFIG, overrides: { clock } })
    const alice = await first.createUser('alice', 'developer')
    const ask = () => submit(alice.client, 'select 1', 'app/development', { start: 'on_approval' })
    const leased = await ask()
    const [held] = await createManualAgent(first, first.agentToken, 'dev-1', ['app/development']).poll()
    clock.advance(1)
    const queued = await ask()
    await first[Symbol.asyncDispose]()
    await using again = await startTestServer({ stateDir, config: DEFAULT_CONFIG, overrides: { clock } })
    const agent = createManualAgent(again, again.agentToken, 'dev-1', ['app/development'])
    expect(await agent.poll()).toMatchObject([{ execution_id: queued.latest_execution?.id }])
    expect(held?.execution_id).toBe(leased.latest_execution?.id)
    if (held) await agent.start(held)
    const headers = { authorization: `Bearer ${alice.token}` }
    const answer = await fetch(`${again.url}/api/v1/executions/${held?.execution_id}`, { headers })
    expect(await answer.json()).toMatchObject({ status: 'running', agent: 'dev-1' })
  })
})

describe('a first start that was cut off', () => {
  it('after the files were written goes on with these files', async () => {
    await using first = await start()
    const before = secretsOf()
    await first[Symbol.asyncDispose]()
    removeDatabase()
    await using again = await start()
    expect(secretsOf()).toEqual(before)
    expect((await me(again)).roles).toEqual(['admin'])
    await expectAgentToken(again)
  })

  it('between the two files makes the other one', async () => {
    await using first = await start()
    const [admin] = secretsOf()
    await first[Symbol.asyncDispose]()
    removeDatabase()
    rmSync(join(stateDir, 'agent-token'))
    await using again = await start()
    expect(secretsOf()[0]).toBe(admin)
    expect((await me(again)).name).toBe('admin')
    await expectAgentToken(again)
  })

  it('before it was marked as done makes nothing twice', async () => {
    await using first = await start()
    const records = await readAuditRecords(first)
    const before = secretsOf()
    const { db } = first.server.ctx
    await db.transact((tx) => tx.deleteFrom('meta').where('key', '=', 'bootstrapped').execute())
    await first[Symbol.asyncDispose]()
    await using again = await start()
    expect(secretsOf()).toEqual(before)
    expect(await readAuditRecords(again)).toEqual(records)
    expect((await me(again)).name).toBe('admin')
  })

  it('after the administrator was made and before their token was makes only the token', async () => {
    await using first = await start()
    const { db } = first.server.ctx
    await db.transact(async (tx) => {
      await tx.deleteFrom('meta').where('key', '=', 'bootstrapped').execute()
      await sql`delete from tokens`.execute(tx)
    })
    await first[Symbol.asyncDispose]()
    await using again = await start()
    expect((await me(again)).name).toBe('admin')
    expect((await again.admin.client.call(api.identity.listUsers, {})).items).toHaveLength(1)
  })
})

describe('a state_dir', () => {
  it.each([0o777, 0o770, 0o722])('that others could put files into is refused: mode %o', async (mode) => {
    mkdirSync(stateDir)
    chmodSync(stateDir, mode)
    await expect(start()).rejects.toThrow(`others can write into ${stateDir}; run: chmod 700 ${stateDir}`)
    expect(readdirSync(stateDir)).toEqual([])
  })
})

describe('a secret file', () => {
  it.each(['signing-key.pem', 'admin-token', 'agent-token'])('that others can read is refused: %s', async (file) => {
    await using first = await start()
    await first[Symbol.asyncDispose]()
    removeDatabase()
    const path = join(stateDir, file)
    for (const mode of [0o644, 0o640, 0o604, 0o620]) {
      chmodSync(path, mode)
      await expect(start()).rejects.toThrow(`${path} can be read by others; run: chmod 600 ${path}`)
    }
    chmodSync(path, 0o600)
    await using again = await start()
    expect((await me(again)).name).toBe('admin')
  })

  it.each([
    ['signing-key.pem', /does not hold an Ed25519 private key/],
    ['admin-token', /does not hold a Twinlock token/],
    ['agent-token', /does not hold a Twinlock token/],
  ])('that holds something else is refused and left as it is: %s', async (file, message) => {
    await using first = await start()
    await first[Symbol.asyncDispose]()
    removeDatabase()
    writeFileSync(join(stateDir, file), 'hunter2\n')
    const error = await start().catch((error: Error) => error)
    expect(String(error)).toMatch(message)
    expect(String(error)).not.toContain('hunter2')
    expect(readFileSync(join(stateDir, file), 'utf8')).toBe('hunter2\n')
  })
})

describe('the signing key', () => {
  const withKey = (pem: string) => `signing_key = """\n${pem}"""\n${DEFAULT_CONFIG}`

  it('of the configuration is used, and none is written', async () => {
    const key = generateSigningKey()
    await using server = await start(withKey(signingKeyToPem(key)))
    expect(fingerprintOf(server)).toBe(key.fingerprint)
    expect(readdirSync(stateDir)).not.toContain('signing-key.pem')
    expect(server.agentToken).toContain(key.fingerprint)
    const jwks = await (await fetch(`${server.url}/.well-known/jwks.json`)).json()
    expect(jwks).toMatchObject({ keys: [{ kid: key.fingerprint }] })
    expect(JSON.stringify(jwks)).not.toContain('"d"')
  })

  it('that is another than before is in the log, once, with both fingerprints', async () => {
    await using first = await start()
    const was = fingerprintOf(first)
    await first[Symbol.asyncDispose]()
    const key = generateSigningKey()
    for (let i = 0; i < 2; i++) {
      await using again = await start(withKey(signingKeyToPem(key)))
      const changes = (await readAuditBodies(again)).filter(({ type }) => type === 'server.key_changed')
      expect(changes).toMatchObject([{ actor: { type: 'system' }, data: { was, fingerprint: key.fingerprint } }])
      expect(again.logLines.some((line) => line.includes('signing key is another'))).toBe(i === 0)
    }
  })

  it('that was lost is not replaced by another one in silence', async () => {
    await using first = await start()
    await first[Symbol.asyncDispose]()
    rmSync(join(stateDir, 'signing-key.pem'))
    await expect(start()).rejects.toThrow(/signing-key\.pem is missing; restore it from a backup/)
    expect(readdirSync(stateDir)).not.toContain('signing-key.pem')
  })

  it('and state are held by one server at a time', async () => {
    await using _first = await start()
    await expect(start()).rejects.toThrow(/is in use by another server/)
  })

  it('that is no Ed25519 key is refused without a word of it', async () => {
    const error = await start(withKey('-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n')).catch(
      (error: Error) => error,
    )
    expect(String(error)).toMatch(/signing_key does not hold an Ed25519 private key/)
    expect(String(error)).not.toContain('aHVudGVyMg')
  })
})
