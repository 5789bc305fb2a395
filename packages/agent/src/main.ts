import { readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { formatConfigProblems } from '@twinlock/contract/config'
import { pino } from 'pino'
import { readAgentConfig } from './config.ts'
import { createAgent } from './create-agent.ts'
import { holdsInlineSecret } from './inline-secrets.ts'
import { StartError } from './start-error.ts'
import { AGENT_VERSION } from './version.ts'

const HELP = `twinlock-agent runs approved statements on the databases it has credentials for.

Usage: twinlock-agent [--config FILE]

  --config FILE   configuration; without it ./twinlock-agent.toml,
                  then /etc/twinlock/twinlock-agent.toml
  --version       print the version
  --help          print this

SIGTERM and SIGINT stop it: it leases nothing more, gives running executions
10 seconds to end, and then cancels their statements.
`

const DEFAULT_PATHS = ['twinlock-agent.toml', '/etc/twinlock/twinlock-agent.toml']
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
}
const EXIT_ERROR = 1
const EXIT_USAGE = 2

function readOptions(): { config?: string; help?: boolean; version?: boolean } {
  try {
    return parseArgs({
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } },
    }).values
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

async function run(configPath: string | undefined): Promise<void> {
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
  const log = pino({ name: 'twinlock-agent' })
  for (const file of exposed)
    log.warn({ file, remedy: `chmod o-r ${file}` }, 'a file of a secret can be read by every user')
  const agent = await createAgent(read.value.config, read.value.secrets, { log }).catch((error: unknown) => {
    if (error instanceof StartError) return fail(`${error.message}\n${error.why}\n${error.remedy}`)
    const reason = error instanceof Error ? error.message : 'unknown reason'
    return fail(`the agent cannot start: ${reason}\nCheck state_dir ${read.value.config.stateDir}.`)
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
else await run(options.config)
