import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api } from '@twinlock/contract'
import { type Client, createClient } from '@twinlock/contract/client'
import { createServer, type Overrides, readServerConfig, type Server } from '@twinlock/server'
import pino from 'pino'

/** What a person's client can do, with their token at hand. */
export interface TestUser {
  readonly name: string
  readonly token: string
  readonly client: Client
}

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly server: Server
  readonly stateDir: string
  readonly admin: TestUser
  readonly agentToken: string
  /** Everything the server has logged, one JSON object a line. */
  readonly logLines: readonly string[]
  /** Roles in writing: `developer`, `developer@app/production`. */
  createUser(name: string, ...roles: string[]): Promise<TestUser>
}

export interface TestServerOptions {
  /** TOML without `state_dir` and `listen`: databases and workflows. */
  readonly config?: string
  readonly overrides?: Overrides
  /** Goes on with the state of an earlier server; a fresh folder, removed at the end, by default. */
  readonly stateDir?: string
}

/** A real server on a free loopback port, in this process. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'twinlock-server-'))
  const result = readServerConfig({
    text: `state_dir = ${JSON.stringify(stateDir)}\nlisten = "127.0.0.1:0"\n${options.config ?? DEFAULT_CONFIG}`,
    env: {},
    readFile: (path) => readFileSync(path, 'utf8'),
  })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  const logLines: string[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void logLines.push(line) })
  const server = await createServer(result.value.config, result.value.secrets, {
    logger,
    ...(options.overrides ? { overrides: options.overrides } : {}),
  })
  const url = await server.listen()
  const admin = testUser(url, 'admin', readToken(stateDir, 'admin-token'))
  return {
    url,
    server,
    stateDir,
    admin,
    agentToken: readToken(stateDir, 'agent-token'),
    logLines,
    createUser: (name, ...roles) => createTestUser(url, admin, name, roles),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

/** One database: everything runs by itself in development, and needs one approver in production. */
export const DEFAULT_CONFIG = `
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
[[workflows.steps]]
approvers = [{ role = "approver" }]
`

export function testUser(url: string, name: string, token: string): TestUser {
  return { name, token, client: createClient({ baseUrl: url, token, userAgent: 'twinlock-tests' }) }
}

export async function createTestUser(url: string, admin: TestUser, name: string, roles: string[]): Promise<TestUser> {
  await admin.client.call(api.identity.createUser, { body: { name, roles } })
  const { token } = await admin.client.call(api.identity.createToken, { body: { user: name } })
  if (token === undefined) throw new Error('the first answer to a token creation must carry the token')
  return testUser(url, name, token)
}

export function readToken(stateDir: string, file: 'admin-token' | 'agent-token'): string {
  return readFileSync(join(stateDir, file), 'utf8').trim()
}
