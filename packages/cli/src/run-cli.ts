import { CommanderError } from 'commander'
import { buildProgram } from './build-program.ts'
import { COMMANDS, NOUNS } from './commands/commands.ts'
import { createContext } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Io } from './io.ts'
import { nearest } from './nearest.ts'

/** Runs one command line, `argv` without the program's name, and answers with the exit code. */
export async function runCli(io: Io, argv: readonly string[]): Promise<ExitCode> {
  let exit: ExitCode = EXIT.done
  const written = { out: '', err: '' }
  const program = buildProgram(
    io.version,
    {
      out: (text) => {
        written.out += text
      },
      err: (text) => {
        written.err += text
      },
    },
    async (command, input) => {
      const ctx = createContext(io, input)
      try {
        exit = await command.run(ctx, input)
      } catch (error) {
        const { reportError } = await import('./report-error.ts')
        exit = await reportError(ctx, await interruptedOr(io, error))
      }
    },
  )
  try {
    await program.parseAsync(attachOptionalValues(argv), { from: 'user' })
    return exit
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) {
      if (wantsJson(argv)) await createContext(io, {}).printJson({ text: written.out.trimEnd() })
      else await io.stdout.write(written.out)
      return EXIT.done
    }
    return usageError(io, argv, error, written.err)
  }
}

/** What Ctrl-C breaks off in the middle fails in many ways, and means one thing. */
async function interruptedOr(io: Io, error: unknown): Promise<unknown> {
  const { CliError } = await import('./cli-error.ts')
  if (!io.interrupt.aborted || error instanceof CliError) return error
  return new CliError('interrupted', 'Interrupted before the server had answered.', undefined, error)
}

/**
 * `--wait` takes its value only after `=`: commander would otherwise take the SQL after it for a duration.
 */
export function attachOptionalValues(argv: readonly string[]): string[] {
  const end = argv.indexOf('--')
  return argv.map((word, i) => (word === '--wait' && (end === -1 || i < end) ? '--wait=' : word))
}

async function usageError(io: Io, argv: readonly string[], error: CommanderError, written: string): Promise<ExitCode> {
  const ctx = createContext(io, { json: wantsJson(argv) })
  // Without a command commander has written the help, which is all there is to say.
  if (error.code === 'commander.help' && !ctx.json) {
    await io.stderr.write(written)
    return EXIT.usage
  }
  const { CliError } = await import('./cli-error.ts')
  const { reportError } = await import('./report-error.ts')
  return reportError(ctx, new CliError('usage', ...explain(error, argv, written)))
}

function explain(error: CommanderError, argv: readonly string[], written: string): [detail: string, hint: string] {
  if (error.code === 'commander.help') return ['There is no command.', 'twinlock --help lists the commands.']
  const help = `How it is used: ${helpCommand(argv)}`
  const message = (error.message.split('\n')[0] ?? '').replace(/^error: /, '').replace(/\.+$/, '')
  if (error.code === 'commander.excessArguments')
    return [`${message.replace(/\..*$/, '')}.`, 'Quote a value that has spaces in it, SQL above all.']
  if (error.code === 'commander.unknownCommand') {
    const suggestion = nearest(/'(.+)'/.exec(message)?.[1] ?? '', commandWords())
    return [`${message}.`, suggestion ? `Did you mean: twinlock ${suggestion}` : help]
  }
  const option = /\(Did you mean (.+)\?\)/.exec(written)?.[1]
  return [`${message}.`, option ? `Did you mean ${option}?` : help]
}

function helpCommand(argv: readonly string[]): string {
  const named = COMMANDS.find(({ path, aliases = [] }) =>
    path.every((word, i) => word === argv[i] || (i === path.length - 1 && aliases.includes(argv[i] ?? ''))),
  )
  return `twinlock ${named ? `${named.path.join(' ')} ` : ''}--help`
}

/** Every word a command may be asked for by: `show` is `request show`. */
function commandWords(): Map<string, string> {
  const words = new Map<string, string>()
  for (const { path, aliases = [] } of COMMANDS)
    for (const word of [path.at(-1) ?? '', ...aliases]) if (!words.has(word)) words.set(word, path.join(' '))
  for (const noun of Object.keys(NOUNS)) words.set(noun, `${noun} --help`)
  return words
}

/** The command line could not be read, but a script that asks for JSON gets it. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end === -1 ? argv : argv.slice(0, end)).some(
    (word, i) =>
      word === '--json' ||
      word === '-ojson' ||
      word === '--format=json' ||
      (word === 'json' && (argv[i - 1] === '-o' || argv[i - 1] === '--format')),
  )
}
