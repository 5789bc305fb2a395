import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RunningProcess, startNode } from './child-process.ts'
import { DEFAULT_CONFIG, readToken, type TestUser, testUser } from './test-server.ts'

const SERVER = fileURLToPath(new URL('../../server/src/main.ts', import.meta.url))
const AGENT = fileURLToPath(new URL('../../agent/src/main.ts', import.meta.url))
const AGENT_WITH_KILL_POINT = fileURLToPath(new URL('./agent-with-kill-point.ts', import.meta.url))

export interface ServerProcess extends AsyncDisposable {
  readonly process: RunningProcess
  readonly url: string
  readonly stateDir: string
  readonly admin: TestUser
  readonly agentToken: string
}

/** The server as users run it: its own process, its own configuration file. */
export async function startServerProcess(
  options: { config?: string; stateDir?: string; port?: number } = {},
): Promise<ServerProcess> {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'twinlock-server-'))
  const file = join(stateDir, 'twinlock-server.toml')
  writeFileSync(
    file,
    `state_dir = ${JSON.stringify(stateDir)}\nlisten = "127.0.0.1:${options.port ?? 0}"\n${options.config ?? DEFAULT_CONFIG}`,
  )
  const child = startNode(SERVER, ['--config', file])
  const line = await child.line((text) => text.includes('"listening"'), 'the server listened')
  const url = String(JSON.parse(line).url)
  return {
    process: child,
    url,
    stateDir,
    admin: testUser(url, 'admin', readToken(stateDir, 'admin-token')),
    agentToken: readToken(stateDir, 'agent-token'),
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]()
      if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

export interface AgentProcess extends AsyncDisposable {
  readonly process: RunningProcess
  readonly stateDir: string
}

export interface AgentProcessOptions {
  readonly serverUrl: string
  readonly token: string
  readonly agentId?: string
  /** Database URLs by target, `app/production`. */
  readonly targets: Readonly<Record<string, string>>
  readonly stateDir?: string
  /** The process kills itself with SIGKILL when it gets there. */
  readonly killPoint?: string
}

/** The agent as users run it, or, with a kill point, the same agent that dies in the middle of something. */
export async function startAgentProcess(options: AgentProcessOptions): Promise<AgentProcess> {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'twinlock-agent-'))
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const file = join(mkdtempSync(join(tmpdir(), 'twinlock-agent-config-')), 'twinlock-agent.toml')
  writeFileSync(file, agentToml(options, stateDir), { mode: 0o600 })
  const child = options.killPoint
    ? startNode(AGENT_WITH_KILL_POINT, [file, options.killPoint])
    : startNode(AGENT, ['--config', file])
  return {
    process: child,
    stateDir,
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]()
      rmSync(dirname(file), { recursive: true, force: true })
      if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

export function agentToml(options: AgentProcessOptions, stateDir: string): string {
  const targets = Object.entries(options.targets).map(([target, url]) => {
    const [database, environment] = target.split('/')
    return `[databases.${database}.${environment}]\nurl = ${JSON.stringify(url)}\n`
  })
  return [
    `agent_id = ${JSON.stringify(options.agentId ?? 'test-agent')}`,
    `state_dir = ${JSON.stringify(stateDir)}`,
    '[server]',
    `url = ${JSON.stringify(options.serverUrl)}`,
    `token = ${JSON.stringify(options.token)}`,
    ...targets,
  ].join('\n')
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1')
  return address.port
}
