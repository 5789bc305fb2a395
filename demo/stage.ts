import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { api, type Role } from '@twinlock/contract'
import { createClient } from '@twinlock/contract/client'
import {
  agentToml,
  freePort,
  type PostgresServer,
  runSql,
  startNode,
  startPostgres,
  startTamperingProxy,
  type TamperingProxy,
} from '@twinlock/testing'
import type { Person } from './narrator.ts'
import { agentRoleSql, SERVER_RULES, SHOP_SQL } from './shop.ts'

const bin = (path: string) => fileURLToPath(new URL(`../packages/${path}`, import.meta.url))

/** Everything that runs: a database, a server and an agent, each in its own process. */
export interface Stage extends AsyncDisposable {
  readonly folder: string
  readonly serverUrl: string
  readonly stateFile: string
  /** The wire between agent and server. */
  readonly wire: TamperingProxy
  readonly admin: Person
  readonly alice: Person
  readonly bob: Person
  /** Looks straight into the production database, past Twinlock. */
  look(sql: string): Promise<Record<string, unknown>[]>
}

export async function setTheStage(): Promise<Stage> {
  await using cleanup = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'twinlock-demo-'))
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }))

  const postgres = cleanup.use(await startPostgres())
  const password = randomBytes(16).toString('hex')
  await runSql(postgres.url, agentRoleSql(password))
  const [development, production] = await Promise.all([
    createShop(postgres, 'development', password),
    createShop(postgres, 'production', password),
  ])

  const stateDir = join(folder, 'server')
  const serverUrl = `http://127.0.0.1:${await freePort()}`
  const serverFile = join(folder, 'twinlock-server.toml')
  writeFileSync(
    serverFile,
    `state_dir = ${JSON.stringify(stateDir)}\nlisten = "${new URL(serverUrl).host}"\n${SERVER_RULES}`,
  )
  const server = cleanup.use(startNode(bin('server/bin/twinlock-server.js'), ['--config', serverFile]))
  await server.line((line) => line.includes('"listening"'), 'the server listened')

  const wire = cleanup.use(await startTamperingProxy(serverUrl))
  const agentFile = join(folder, 'twinlock-agent.toml')
  const agentOptions = {
    agentId: 'prod-1',
    serverUrl: wire.url,
    token: readFileSync(join(stateDir, 'agent-token'), 'utf8').trim(),
    targets: { 'shop/development': development.agentUrl, 'shop/production': production.agentUrl },
  }
  writeFileSync(agentFile, agentToml(agentOptions, join(folder, 'agent')), { mode: 0o600 })
  cleanup.use(startNode(bin('agent/bin/twinlock-agent.js'), ['--config', agentFile]))

  const admin = { name: 'admin', token: readFileSync(join(stateDir, 'admin-token'), 'utf8').trim() }
  const alice = await createPerson(serverUrl, admin, 'alice', 'developer')
  const bob = await createPerson(serverUrl, admin, 'bob', 'approver')
  const owned = cleanup.move()
  return {
    folder,
    serverUrl,
    stateFile: join(stateDir, 'twinlock.db'),
    wire,
    admin,
    alice,
    bob,
    look: production.look,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function createShop(postgres: PostgresServer, environment: string, password: string) {
  const { url } = await postgres.createDatabase(`shop_${environment}`)
  const look = (sql: string) => runSql(url, sql)
  await look(SHOP_SQL)
  const agentUrl = new URL(url)
  agentUrl.username = 'shop_agent'
  agentUrl.password = password
  return { look, agentUrl: agentUrl.href }
}

async function createPerson(serverUrl: string, admin: Person, name: string, role: Role): Promise<Person> {
  const client = createClient({ baseUrl: serverUrl, token: admin.token, userAgent: 'twinlock-demo' })
  await client.call(api.identity.createUser, { body: { name, roles: [role] } })
  const { token } = await client.call(api.identity.createToken, { body: { user: name } })
  return { name, token: token ?? '' }
}
