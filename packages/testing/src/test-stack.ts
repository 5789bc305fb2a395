import { startTamperingProxy, type TamperingProxy } from './tampering-proxy.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'
import { type AgentProcess, type AgentProcessOptions, startAgentProcess } from './test-processes.ts'
import {
  DEFAULT_CONFIG,
  startTestServer,
  type TestServer,
  type TestServerOptions,
  type TestUser,
} from './test-server.ts'

/** A server, an agent in its own process, a database for each environment, alice who asks and bob who approves. */
export interface TestStack extends AsyncDisposable {
  readonly server: TestServer
  /** Between the agent and the server; does nothing until a test gives it hooks. */
  readonly proxy: TamperingProxy
  readonly agent: AgentProcess
  readonly development: TestDatabase
  readonly production: TestDatabase
  readonly alice: TestUser
  readonly bob: TestUser
  /** Another agent on the same targets, through the same proxy. */
  startAgent(options?: Partial<AgentProcessOptions>): Promise<AgentProcess>
}

export async function startTestStack(
  options: { schema?: string; server?: TestServerOptions; agent?: Partial<AgentProcessOptions> } = {},
): Promise<TestStack> {
  await using cleanup = new AsyncDisposableStack()
  const server = cleanup.use(await startTestServer({ config: DEFAULT_CONFIG, ...options.server }))
  const proxy = cleanup.use(await startTamperingProxy(server.url))
  const schema = options.schema === undefined ? {} : { schema: options.schema }
  const [development, production] = await Promise.all([createTestDatabase(schema), createTestDatabase(schema)])
  cleanup.use(development)
  cleanup.use(production)
  const startAgent = (own: Partial<AgentProcessOptions> = {}) =>
    startAgentProcess({
      serverUrl: proxy.url,
      token: server.agentToken,
      targets: { 'app/development': development.url, 'app/production': production.url },
      ...own,
    })
  const agent = cleanup.use(await startAgent(options.agent))
  const alice = await server.createUser('alice', 'developer')
  const bob = await server.createUser('bob', 'approver')
  const owned = cleanup.move()
  return {
    server,
    proxy,
    agent,
    development,
    production,
    alice,
    bob,
    startAgent,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
