import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { copyPostgresBinaries, giveToUnprivileged, unprivileged } from './postgres-binaries.ts'
import { type CreatedDatabase, createDatabase, readServerVersion } from './postgres-database.ts'
import { type LogEntry, readStatementLog } from './postgres-log.ts'

/** A real PostgreSQL on a loopback port, stopped with the process that started it. */
export interface PostgresServer extends AsyncDisposable {
  /** The superuser's, on the database `postgres`. */
  readonly url: string
  readonly version: string
  readonly port: number
  /** Where the server writes its log as JSON lines; undefined for a server that was not started here. */
  readonly logFile: string | undefined
  createDatabase(name?: string, options?: { template?: string }): Promise<CreatedDatabase>
  /** What the server was sent until now, by any session. */
  statementLog(): Promise<LogEntry[]>
  stop(): Promise<void>
}

export interface PostgresOptions {
  settings?: Record<string, string>
  /** Kept when the server stops, and started again from when it holds a cluster. A fresh temporary folder by default. */
  dataDir?: string
  keep?: boolean
}

const DEFAULT_SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  max_connections: '200',
  // A test's data need not survive the machine; pass `fsync: 'on'` where durability is what is tested.
  fsync: 'off',
  full_page_writes: 'off',
  logging_collector: 'on',
  log_destination: 'jsonlog',
  log_statement: 'all',
  log_rotation_age: '0',
  log_rotation_size: '0',
  log_filename: 'postgresql.log',
}

/** Starts PostgreSQL, or stands for the server at TWINLOCK_TEST_POSTGRES_URL when that is set. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const external = process.env.TWINLOCK_TEST_POSTGRES_URL
  if (external) {
    if (options.settings ?? options.dataDir) {
      throw new Error('The server at TWINLOCK_TEST_POSTGRES_URL cannot be given settings or a data folder.')
    }
    return await describeServer(external, undefined, async () => {})
  }

  const folder = mkdtempSync(join(tmpdir(), 'twinlock-postgres-'))
  const dataDir = options.dataDir === undefined ? join(folder, 'data') : resolve(options.dataDir)
  const keep = options.keep ?? options.dataDir !== undefined
  const leftovers =
    keep && options.dataDir === undefined ? ['native', 'log', 'run'].map((d) => join(folder, d)) : [folder]
  if (!keep && options.dataDir !== undefined) leftovers.push(dataDir)

  const watchdog = startWatchdog(dataDir, leftovers)
  try {
    const bin = copyPostgresBinaries(folder)
    giveToUnprivileged(folder)
    for (const name of ['log', 'run']) makeFolder(join(folder, name))
    const password = await initialise(bin, folder, dataDir)
    const { server, port } = await launch(bin, folder, dataDir, options.settings ?? {}, watchdog)
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
    const logFile = join(folder, 'log', 'postgresql.json')
    return await describeServer(url, logFile, async () => {
      await stopProcess(server)
      await endWatchdog(watchdog)
    })
  } catch (error) {
    await endWatchdog(watchdog)
    throw error
  }
}

async function describeServer(
  url: string,
  logFile: string | undefined,
  shutDown: () => Promise<void>,
): Promise<PostgresServer> {
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= shutDown()
    return stopped
  }
  const version = await readServerVersion(url).catch(async (error) => {
    await stop()
    throw error
  })
  return {
    url,
    version,
    port: Number(new URL(url).port || 5432),
    logFile,
    createDatabase: (name, options) => createDatabase(url, name, options),
    statementLog: async () => {
      if (logFile === undefined)
        throw new Error('The statement log of the server at TWINLOCK_TEST_POSTGRES_URL is not available.')
      return await readStatementLog(url, logFile)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Makes the cluster unless the folder holds one, and gives the superuser's password, which is kept inside it. */
async function initialise(bin: string, folder: string, dataDir: string): Promise<string> {
  const passwordFile = join(dataDir, 'superuser-password')
  if (existsSync(join(dataDir, 'PG_VERSION'))) return readFileSync(passwordFile, 'utf8')
  makeFolder(dataDir)
  const password = randomBytes(18).toString('base64url')
  const pwfile = join(folder, 'pwfile')
  writeFileSync(pwfile, password, { mode: 0o600 })
  giveToUnprivileged(pwfile)
  const args = ['-D', dataDir, '-U', 'postgres', `--pwfile=${pwfile}`, '--auth=scram-sha-256', '--encoding=UTF8']
  args.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-sync', '--no-instructions')
  await promisify(execFile)(join(bin, 'initdb'), args, { env: environment(), cwd: folder, ...unprivileged })
  rmSync(pwfile)
  writeFileSync(passwordFile, password, { mode: 0o600 })
  giveToUnprivileged(passwordFile)
  return password
}

async function launch(
  bin: string,
  folder: string,
  dataDir: string,
  settings: Record<string, string>,
  watchdog: ChildProcess,
): Promise<{ server: ChildProcess; port: number }> {
  const startupLog = join(folder, 'log', 'startup.log')
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort()
    const all = {
      ...DEFAULT_SETTINGS,
      port: String(port),
      unix_socket_directories: join(folder, 'run'),
      log_directory: join(folder, 'log'),
      ...settings,
    }
    const args = ['-D', dataDir, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
    const output = openSync(startupLog, 'a', 0o600)
    // Detached: an interrupt from the terminal reaches the tests, which then stop the server in order.
    const server = spawn(join(bin, 'postgres'), args, {
      env: environment(),
      cwd: folder,
      detached: true,
      stdio: ['ignore', output, output],
      ...unprivileged,
    })
    closeSync(output)
    const failure = once(server, 'exit').then(
      ([code, signal]) => `ended with ${code ?? signal}`,
      (error: unknown) => String(error),
    )
    if (server.pid !== undefined) watchdog.stdin?.write(`${server.pid}\n`)
    server.unref()
    const problem = await untilReady(dataDir, server.pid, failure)
    if (problem === undefined) return { server, port: Number(all.port) }
    const lines = lastLines(startupLog) + lastLines(join(folder, 'log', 'postgresql.json'))
    const isPortTaken = /Address already in use/.test(lines)
    if (!isPortTaken || attempt === 5) throw new Error(`PostgreSQL did not start: it ${problem}.\n${lines}`)
  }
}

/** The server itself says in its lock file when it takes connections; undefined when it does. */
async function untilReady(
  dataDir: string,
  pid: number | undefined,
  failure: Promise<string>,
): Promise<string | undefined> {
  let problem: string | undefined
  failure.then((why) => {
    problem = why
  })
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(10)) {
    if (problem !== undefined) return problem
    const lines = readLines(join(dataDir, 'postmaster.pid'))
    if (Number(lines[0]) === pid && lines[7]?.trim() === 'ready') return undefined
  }
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
  return 'was not ready within a minute'
}

async function stopProcess(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  server.ref()
  const exit = once(server, 'exit')
  server.kill('SIGINT')
  const last = setTimeout(() => server.kill('SIGKILL'), 20_000)
  await exit
  clearTimeout(last)
}

function startWatchdog(dataDir: string, folders: string[]): ChildProcess {
  const script = fileURLToPath(new URL('./postgres-watchdog.ts', import.meta.url))
  const watchdog = spawn(process.execPath, [script, dataDir, ...folders], {
    cwd: tmpdir(),
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: environment(),
  })
  watchdog.stdin?.on('error', () => {})
  watchdog.unref()
  if (watchdog.stdin !== null && 'unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') {
    watchdog.stdin.unref()
  }
  return watchdog
}

/** The watchdog removes the folders: the normal end and the crash take the same path. */
async function endWatchdog(watchdog: ChildProcess): Promise<void> {
  if (watchdog.exitCode !== null || watchdog.signalCode !== null) return
  watchdog.ref()
  const exit = once(watchdog, 'exit')
  watchdog.stdin?.end()
  await exit
}

function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  giveToUnprivileged(path)
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No free port on 127.0.0.1.')
  return address.port
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}

function lastLines(file: string): string {
  return readLines(file).slice(-20).join('\n')
}
