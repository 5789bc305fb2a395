import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { generateSigningKey } from '@twinlock/evidence'
import { createTestDatabase, startNode, type TestDatabase } from '@twinlock/testing'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { describeAccess, printChecked } from '../src/check-setup.ts'
import type { Inspection } from '../src/drivers/driver.ts'
import { configText, type TemporaryDirectory, temporaryDirectory } from './fixtures/agent-setup.ts'
import { type ProtocolServer, startProtocolServer } from './fixtures/protocol-server.ts'
import { startSmallPooler } from './fixtures/small-pooler.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

let database: TestDatabase
let roles: Record<'writer' | 'reader' | 'helper', string>
beforeAll(async () => {
  database = await createTestDatabase({
    schema: 'create table orders (id int); create table customers (id int, name text)',
  })
  const name = (role: string) => `${database.name}_${role}`
  roles = { writer: name('writer'), reader: name('reader'), helper: name('helper') }
  await database.query(`
    create role ${roles.writer} login password 'hunter2';
    create role ${roles.reader} login password 'hunter2';
    create role ${roles.helper} login password 'hunter2' createdb bypassrls in role pg_read_server_files;
    grant select, insert, update, delete on orders, customers to ${roles.writer};
    grant select on orders, customers to ${roles.reader};
    grant update (name) on customers to ${roles.reader}`)
})
afterAll(async () => {
  for (const role of Object.values(roles)) await database.query(`drop owned by ${role}; drop role ${role}`)
  await database[Symbol.asyncDispose]()
})

let server: ProtocolServer
let directory: TemporaryDirectory
beforeEach(async () => {
  server = await startProtocolServer()
  directory = await temporaryDirectory()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

function urlOf(role: string, password = 'hunter2'): string {
  const url = new URL(database.url)
  url.username = role
  url.password = password
  return url.href
}

async function check(databaseUrl: string, rest: { extra?: string; token?: string } = {}) {
  const file = `${directory.path}/twinlock-agent.toml`
  const text = configText({ server, stateDir: `${directory.path}/state`, databaseUrl, ...rest })
  await writeFile(file, text, { mode: 0o600 })
  await using child = startNode(MAIN, ['check', '--config', file])
  const code = await child.ended
  const output = child.lines.join('\n')
  expect(output).not.toMatch(/hunter2|hunter3|twl_agent_/)
  return { code, output }
}

test('of a good setup says what it saw, and exits 0', async () => {
  await database.query(`revoke update (name) on customers from ${roles.reader}`)
  const { code, output } = await check(urlOf(roles.writer), { extra: `url_read_only = "${urlOf(roles.reader)}"` })
  await database.query(`grant update (name) on customers to ${roles.reader}`)
  expect(output).toContain(`${server.url} answers in`)
  expect(output).toContain(`its key ${server.key.fingerprint.slice(0, 16)}… is the one in the token`)
  expect(output).toContain('the token is accepted')
  expect(output).toMatch(new RegExp(`app/production +url: PostgreSQL \\d+.* as ${roles.writer}, no TLS`))
  expect(output).toMatch(new RegExp(`url_read_only: PostgreSQL \\d+.* as ${roles.reader}`))
  expect(output).toMatch(/no problems, no warnings$/)
  expect(code).toBe(0)
})

test('changes nothing: no poll, no state, no write', async () => {
  await check(urlOf(roles.writer))
  expect(server.calls.map(({ name }) => name).sort()).toEqual(['heartbeat', 'jwks'])
  expect(existsSync(`${directory.path}/state`)).toBe(false)
})

test('names what the role can do that it should not', async () => {
  const superuser = await check(database.url)
  expect(superuser).toMatchObject({ code: 0, output: expect.stringContaining('is a superuser') })
  const { output } = await check(urlOf(roles.helper))
  expect(output).toContain(`warning: url: the role ${roles.helper} can create databases`)
  expect(output).toContain('ignores row-level security')
  expect(output).toContain('can read files of the database server (pg_read_server_files)')
  expect(output).toMatch(/no problems, 3 warnings$/)
})

test('names what can be written through url_read_only, a single column too', async () => {
  const { code, output } = await check(urlOf(roles.writer), { extra: `url_read_only = "${urlOf(roles.reader)}"` })
  expect(output).toContain(`warning: url_read_only: the role ${roles.reader} can write public.customers`)
  expect(code).toBe(0)
})

test('says what keeps it from a database, without its password, and exits 1', async () => {
  const { code, output } = await check(urlOf(roles.writer, 'hunter3'), {
    extra: '[databases.gone.production]\nurl = "postgres://app:hunter2@127.0.0.1:1/app"',
  })
  expect(output).toContain('problem: url: The database cannot be reached: password authentication failed')
  expect(output).toMatch(/gone\/production +problem: url: .*ECONNREFUSED/)
  expect(output).toMatch(/2 problems, no warnings$/)
  expect(code).toBe(1)
})

test('names a pooler that shares sessions, and what to do', async () => {
  await using pooler = await startSmallPooler(database.url)
  const { code, output } = await check(pooler.url)
  expect(output).toContain('A pooler stands before the database')
  expect(output).toContain('pool_mode = session')
  expect(code).toBe(1)
})

test('says that the server does not accept the token', async () => {
  server.fault = ({ name }) => (name === 'heartbeat' ? 401 : undefined)
  const { code, output } = await check(urlOf(roles.writer))
  expect(output).toContain('problem: the server does not accept the token')
  expect(code).toBe(1)
})

test('says that the server shows another key than the token names', async () => {
  const { code, output } = await check(urlOf(roles.writer), {
    token: `twl_agent_${'a'.repeat(64)}_${generateSigningKey().fingerprint}`,
  })
  expect(output).toContain("problem: none of the keys the server shows has the fingerprint in the agent's token")
  expect(output).not.toContain('the token is accepted')
  expect(code).toBe(1)
})

test('says that a token without a fingerprint leaves the key to be compared', async () => {
  const { output } = await check(urlOf(roles.writer), { token: `twl_agent_${'a'.repeat(64)}` })
  expect(output).toContain(`warning: its key is ${server.key.fingerprint}`)
})

test('says that the server is away', async () => {
  await server[Symbol.asyncDispose]()
  const { code, output } = await check(urlOf(roles.writer))
  expect(output).toMatch(/server +problem: http/)
  expect(code).toBe(1)
})

test('lists everything that is wrong with the configuration', async () => {
  const { code, output } = await check('mysql://app:hunter2@127.0.0.1/app', { extra: 'colour = "red"' })
  expect(output).toContain('databases.app.production.colour')
  expect(output).toContain('databases.app.production.url')
  expect(code).toBe(1)
})

const found: Inspection = {
  role: 'app',
  serverVersion: '18.4',
  isEncrypted: false,
  clockSkewMs: 0,
  powers: [],
  writable: ['a', 'b', 'c', 'd', 'e'],
  canAskTransactions: true,
}

test.each([
  ['a line without TLS to elsewhere', 'url', found, false, 'warning', /read on the way/],
  ['five tables', 'url_read_only', found, true, 'warning', /can write a, b, c and 2 more$/],
  ['a clock that is behind', 'url', { ...found, clockSkewMs: -90_000 }, true, 'problem', /1 min 30 s behind/],
  ['a clock that is a little ahead', 'url', { ...found, clockSkewMs: 5_000 }, true, 'fact', /5 s ahead/],
  ['a role that may not ask', 'url', { ...found, canAskTransactions: false }, true, 'warning', /during COMMIT/],
] as const)('says of %s', (_title, key, inspection, isLocal, level, text) => {
  expect(describeAccess(key, inspection, isLocal)).toContainEqual(
    expect.objectContaining({ level, text: expect.stringMatching(text) }),
  )
})

test('what a database says of itself does nothing to the terminal', () => {
  const hostile = { ...found, role: 'app\u001b[2J', serverVersion: '18\r', writable: ['a\u009b1m', 'b\u202e'] }
  const { text } = printChecked([{ name: 'app/production', findings: describeAccess('url_read_only', hostile, true) }])
  expect(text).toContain('PostgreSQL 18<U+000D> as app<U+001B>[2J')
  expect(text).toContain('a<U+009B>1m, b<U+202E>')
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{C}]/u)
})
