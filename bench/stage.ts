import { readFileSync } from 'node:fs'
import {
  type AgentProcess,
  createTestUser,
  type ServerProcess,
  startAgentProcess,
  startPostgres,
  startServerProcess,
  type TestUser,
} from '@twinlock/testing'
import pg from 'pg'

/** A server and an agent as users run them, in processes of their own, and a way to the database without them. */
export interface BenchStage extends AsyncDisposable {
  readonly server: ServerProcess
  readonly agent: AgentProcess
  readonly alice: TestUser
  readonly direct: pg.Client
  /** CPU time of server and agent so far, in milliseconds. */
  cpuMs(): { server: number; agent: number }
}

export async function setTheStage(options: { readonly config?: string } = {}): Promise<BenchStage> {
  await using cleanup = new AsyncDisposableStack()
  const postgres = cleanup.use(
    await startPostgres({ settings: { log_statement: 'none', fsync: 'on', full_page_writes: 'on' } }),
  )
  const server = cleanup.use(await startServerProcess(options))
  const { url } = await postgres.createDatabase('bench')
  const agent = cleanup.use(
    await startAgentProcess({ serverUrl: server.url, token: server.agentToken, targets: { 'app/development': url } }),
  )
  const alice = await createTestUser(server.url, server.admin, 'alice', ['developer'])
  const direct = new pg.Client({ connectionString: url })
  await direct.connect()
  cleanup.defer(() => direct.end())
  const owned = cleanup.move()
  return {
    server,
    agent,
    alice,
    direct,
    cpuMs: () => ({ server: cpuOf(server.process.pid), agent: cpuOf(agent.process.pid) }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** User and system time from /proc, where there is one; NaN elsewhere. */
function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return Number.NaN
  }
}
