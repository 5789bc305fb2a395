import { existsSync, readFileSync } from 'node:fs'
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { formatConfigProblems } from '@twinlock/contract/config'
import { check } from './commands/check.ts'
import type { Command, Configured, Host } from './commands/command.ts'
import { recover } from './commands/recover.ts'
import { start } from './commands/start.ts'
import { readServerConfig } from './config.ts'
import { VERSION } from './version.ts'

/** The first one runs when none is named. */
const COMMANDS: readonly [Command, ...Command[]] = [start, check, recover]

const DEFAULT_FILES = ['twinlock-server.toml', '/etc/twinlock/twinlock-server.toml']

const host: Host = {
  print: (text) => void process.stdout.write(text),
  printError: (message) => void process.stderr.write(`${message}\n`),
  uid: process.getuid?.(),
  onStopSignal(receive) {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => receive(signal))
  },
  endNow: (code) => process.exit(code),
  keepFilesPrivate: () => void process.umask(0o077),
}

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const [word] = args
  const named = COMMANDS.find(({ name }) => name === word)
  if (!named && word !== undefined && !word.startsWith('-'))
    return fail(`there is no command ${word}\nSee: twinlock-server --help`, 2)
  const command = named ?? COMMANDS[0]
  let options: Readonly<Record<string, string | boolean | undefined>>
  try {
    options = readOptions(command, named ? args.slice(1) : args)
  } catch (error) {
    return fail(`${(error as Error).message}\nSee: twinlock-server --help`, 2)
  }
  if (options.help) return print(helpText())
  if (options.version) return print(`${VERSION}\n`)
  const configured = readConfiguration(options.config as string | undefined)
  return typeof configured === 'string' ? fail(configured, 2) : command.run(host, configured, options)
}

function readOptions(command: Command, args: readonly string[]) {
  const own: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries(command.options ?? {}).map(([name, { help: _, ...option }]) => [name, option]),
  )
  return parseArgs({
    args: [...args],
    options: {
      ...own,
      config: { type: 'string' },
      version: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values as Readonly<Record<string, string | boolean | undefined>>
}

/** The configuration, or what is wrong with it. */
function readConfiguration(given: string | undefined): Configured | string {
  const file = given ?? DEFAULT_FILES.find((candidate) => existsSync(candidate))
  if (file === undefined)
    return `no configuration: neither ${DEFAULT_FILES.join(' nor ')} exists\nWrite one: twinlock init`
  const text = readText(file)
  if (text === undefined)
    return `cannot read the configuration ${file}\nCheck the path and that this account may read it, or write one: twinlock init`
  const result = readServerConfig({ text, env: process.env, readFile: (path) => readFileSync(path, 'utf8') })
  return result.ok ? { file, ...result.value } : formatConfigProblems(file, result.problems)
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function helpText(): string {
  const wide = (text: string) => text.padEnd(13)
  return `twinlock-server ${VERSION}: policy, approvals, audit log and signed orders

Usage: twinlock-server [COMMAND] [--config FILE]

Commands:
${COMMANDS.map(({ name, summary }) => `  ${wide(name)}  ${summary}`).join('\n')}

Options:
  ${wide('--config FILE')}  configuration (default: twinlock-server.toml here, else /etc/twinlock/twinlock-server.toml)
  ${wide('--version')}  print the version
  ${wide('--help')}  print this
${COMMANDS.map(ownOptions).join('')}
Examples:
${COMMANDS.map(({ example }) => `  ${example}`).join('\n')}
`
}

function ownOptions({ name, options = {} }: Command): string {
  const lines = Object.entries(options).map(([option, { help }]) => `  --${option.padEnd(11)}  ${help}\n`)
  return lines.length === 0 ? '' : `\nOptions of ${name}:\n${lines.join('')}`
}

function print(text: string): number {
  host.print(text)
  return 0
}

function fail(message: string, code: number): number {
  host.printError(message)
  return code
}
