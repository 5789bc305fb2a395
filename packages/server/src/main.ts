import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { formatConfigProblems } from '@twinlock/contract/config'
import pino from 'pino'
import { readServerConfig } from './config.ts'
import { createServer } from './server.ts'
import { VERSION } from './version.ts'

const HELP = `twinlock-server ${VERSION}: policy, approvals, audit log and signed orders

Usage: twinlock-server [--config FILE]

Options:
  --config FILE  configuration (default: twinlock-server.toml here, else /etc/twinlock/twinlock-server.toml)
  --version      print the version
  --help         print this

Example:
  twinlock-server --config twinlock-server.toml
`

const DEFAULT_FILES = ['twinlock-server.toml', '/etc/twinlock/twinlock-server.toml']

process.exitCode = await main()

async function main(): Promise<number> {
  let options: { config?: string | undefined; version?: boolean | undefined; help?: boolean | undefined }
  try {
    options = parseArgs({
      options: { config: { type: 'string' }, version: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    }).values
  } catch (error) {
    return fail(`${(error as Error).message}\nSee: twinlock-server --help`, 2)
  }
  if (options.help) return print(HELP)
  if (options.version) return print(`${VERSION}\n`)
  const file = options.config ?? DEFAULT_FILES.find((candidate) => existsSync(candidate))
  if (file === undefined)
    return fail(`no configuration: neither ${DEFAULT_FILES.join(' nor ')} exists\nWrite one: twinlock init`, 2)
  const text = readText(file)
  if (text === undefined)
    return fail(
      `cannot read the configuration ${file}\nCheck the path and that this account may read it, or write one: twinlock init`,
      2,
    )
  const result = readServerConfig({
    text,
    env: process.env,
    readFile: (path) => readFileSync(path, 'utf8'),
  })
  if (!result.ok) return fail(formatConfigProblems(file, result.problems), 2)
  return run(result.value.config, result.value.secrets)
}

async function run(...[config, secrets]: Parameters<typeof createServer>): Promise<number> {
  // What the server writes is for its own account alone.
  process.umask(0o077)
  const logger = pino({ level: config.logLevel })
  const stop = Promise.withResolvers<string>()
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop.resolve(signal))
  try {
    await using server = await createServer(config, secrets, { logger })
    const url = await server.listen()
    logger.info({ url, version: VERSION, server_id: server.ctx.serverId }, 'listening')
    for (const tokenFile of server.bootstrapFiles) process.stderr.write(`first start: wrote ${tokenFile}\n`)
    const signal = await stop.promise
    logger.info({ signal }, 'stopping')
  } catch (error) {
    return fail(`the server could not start: ${explain(error as NodeJS.ErrnoException, config)}`, 1)
  }
  return 0
}

function explain(error: NodeJS.ErrnoException, config: Parameters<typeof createServer>[0]): string {
  const { host, port } = config.listen
  if (error.code === 'EADDRINUSE') return `${host}:${port} is in use; stop what listens there, or set another listen`
  if (error.code === 'EACCES') return `no access to ${error.path ?? `${host}:${port}`}`
  // SQLITE_NOTADB, SQLITE_CORRUPT
  if ('errcode' in error && (error.errcode === 26 || error.errcode === 11))
    return `${config.stateDir}/twinlock.db is damaged (${error.message}); restore state_dir from a backup`
  return error.message
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function fail(message: string, code: number): number {
  process.stderr.write(`${message}\n`)
  return code
}
