import { readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { formatConfigProblems } from '@twinlock/contract/config'
import { pino } from 'pino'
import { checkSetup, printChecked } from './check-setup.ts'
import { readAgentConfig } from './config.ts'
import { createAgent } from './create-agent.ts'
import { holdsInlineSecret } from './inline-secrets.ts'
import { StartError } from './start-error.ts'
import { AGENT_VERSION } from './version.ts'

const HELP = `twinlock-agent runs approved statements on the databases it has credentials for.

Usage: twinlock-agent [run] [--config FILE]
       twinlock-agent check [--config FILE]

  run             lease and run what was approved; this is the default
  check           look at the configuration, the server and every database as
                  the agent would, and say what is wrong; changes nothing
  --config FILE   configuration; without it ./twinlock-agent.toml,
                  then /etc/twinlock/twinlock-agent.toml
  --version       print the version
  --help          print this

SIGTERM and SIGINT stop it: it leases nothing more, gives running executions
drain_timeout (10 seconds) to end, then cancels them and rolls them back.
`

const DEFAULT_PATHS = ['twinlock-agent.toml', '/etc/twinlock/twinlock-agent.toml']
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
}
const EXIT_ERROR = 1
const EXIT_USAGE = 2

/** By name; the first one runs when none is named. */
const COMMANDS = { run, check }

function readOptions(): { command: keyof typeof COMMANDS; config?: string; help?: boolean; version?: boolean } {
  const [word = ''] = process.argv.slice(2)
  const command = Object.hasOwn(COMMANDS, word) ? (word as keyof typeof COMMANDS) : undefined
  try {
    const { values } = parseArgs({
      args: process.argv.slice(command === undefined ? 2 : 3),
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } },
    })
    return { command: command ?? 'run', ...values }
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('. ')[0] ?? '') : ''
    return fail(`${message}\ntwinlock-agent --help lists the options.`, EXIT_USAGE)
  }
}

function readConfigFile(given: string | undefined): { path: string; text: string } {
  for (const path of given === undefined ? DEFAULT_PATHS : [given]) {
    try {
      return { path, text: readFileSync(path, 'utf8') }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (given === undefined && code === 'ENOENT') continue
      fail(`cannot read ${path}: ${REASONS[code ?? ''] ?? code}\nCheck the path, and that this user may read the file.`)
    }
  }
  return fail(`there is no configuration: neither ${DEFAULT_PATHS.join(' nor ')}\nWrite one, or name it: --config FILE`)
}

/** Windows has no such modes. */
function modeOf(path: string): number {
  return process.platform === 'win32' ? 0 : statSync(path).mode
}

function readSetup(configPath: string | undefined) {
  const { path, text } = readConfigFile(configPath)
  const exposed: string[] = []
  const readFile = (file: string) => {
    if (modeOf(file) & 0o004) exposed.push(file)
    return readFileSync(file, 'utf8')
  }
  const read = readAgentConfig({
    text,
    env: process.env,
    readFile,
    readPublicFile: (file) => readFileSync(file, 'utf8'),
  })
  if (!read.ok) return fail(formatConfigProblems(path, read.problems))
  if (modeOf(path) & 0o077 && holdsInlineSecret(text))
    fail(
      `${path} holds a secret and other users can read it.\nchmod 600 ${path}\n` +
        `Its owner must be the user the agent runs as. Or keep secrets out of it, with \${VAR} or \${file:/path}.`,
    )
  return { path, exposed, ...read.value }
}

async function check(configPath: string | undefined): Promise<void> {
  const { path, exposed, config, secrets } = readSetup(configPath)
  const exposures = exposed.map((file) => ({
    level: 'warning' as const,
    text: `${file} can be read by every user, and holds a secret`,
    remedy: `chmod o-r ${file}`,
  }))
  const summary = {
    level: 'fact' as const,
    text: `${path}: agent ${config.agentId}, ${config.targets.length} target(s)`,
  }
  const checked = printChecked([
    { name: 'config', findings: [summary, ...exposures] },
    ...(await checkSetup(config, secrets)),
  ])
  process.stdout.write(checked.text)
  process.exitCode = checked.ok ? 0 : EXIT_ERROR
}

async function run(configPath: string | undefined): Promise<void> {
  const { exposed, config, secrets } = readSetup(configPath)
  const log = pino({ name: 'twinlock-agent' })
  for (const file of exposed)
    log.warn({ file, remedy: `chmod o-r ${file}` }, 'a file of a secret can be read by every user')
  const agent = await createAgent(config, secrets, { log }).catch((error: unknown) => {
    if (error instanceof StartError) return fail(`${error.message}\n${error.why}\n${error.remedy}`)
    const reason = error instanceof Error ? error.message : 'unknown reason'
    return fail(`the agent cannot start: ${reason}\nCheck state_dir ${config.stateDir}.`)
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      // A second one does not wait.
      process.once(signal, () => process.exit(EXIT_ERROR))
      log.info({ signal }, 'agent stops')
      void agent.stop().then(
        () => process.exit(0),
        () => process.exit(EXIT_ERROR),
      )
    })
  }
  agent.start()
}

function fail(message: string, code = EXIT_ERROR): never {
  process.stderr.write(`twinlock-agent: ${message}\n`)
  process.exit(code)
}

const options = readOptions()
if (options.help) process.stdout.write(HELP)
else if (options.version) process.stdout.write(`${AGENT_VERSION}\n`)
else await COMMANDS[options.command](options.config)
