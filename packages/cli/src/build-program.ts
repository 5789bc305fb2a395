import { Argument, Command as Commander, Option } from 'commander'
import { COMMANDS, NOUNS } from './commands/commands.ts'
import type { Command } from './define-command.ts'

type Dispatch = (command: Command, input: Readonly<Record<string, unknown>>) => Promise<void>

interface Streams {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** The commands as commander programs. It throws instead of exiting, and writes where it is told. */
export function buildProgram(version: string, streams: Streams, dispatch: Dispatch): Commander {
  const program = settled(new Commander('twinlock'), streams)
    .description('Run SQL on production databases: asked for by one person, approved by another.')
    .version(version, '-V, --version', 'show the version')
    .helpCommand(false)
    .addHelpText('after', PROGRAM_HELP)
  const nouns = new Map<string, Commander>()
  for (const command of COMMANDS) {
    const [first, second] = command.path
    if (second === undefined) {
      program.addCommand(toCommander(command, streams, dispatch))
      continue
    }
    let noun = nouns.get(first)
    if (!noun) {
      noun = settled(new Commander(first), streams)
        .summary(NOUNS[first] ?? '')
        .description(NOUNS[first] ?? '')
        .helpCommand(false)
        .addHelpText('after', exampleHelp(command.examples.slice(0, 1)))
      nouns.set(first, noun)
      program.addCommand(noun)
    }
    noun.addCommand(toCommander(command, streams, dispatch))
  }
  return program
}

const PROGRAM_HELP = `
Examples:
  twinlock execute "select count(*) from orders" -t app/production
  twinlock approve 1042
  twinlock request show 1042

Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 error, 2 usage, 3 denied,
4 pending, 5 rejected, expired or cancelled, 6 failed in the database, 7 outcome unknown, 130 interrupted.`

function toCommander(command: Command, streams: Streams, dispatch: Dispatch): Commander {
  const commander = settled(new Commander(command.path.at(-1)), streams)
    .summary(command.summary)
    .description([`${command.summary}.`, command.description].filter(Boolean).join('\n\n'))
    .aliases(command.aliases ?? [])
    .addHelpText('after', exampleHelp(command.examples))
  for (const { name, description, required } of command.args)
    commander.addArgument(new Argument(required ? `<${name}>` : `[${name}]`, description))
  for (const [key, spec] of Object.entries(command.options)) {
    const option = new Option(spec.flags, spec.description)
    if (option.attributeName() !== key) throw new Error(`${spec.flags} is not the option ${key}`)
    if (spec.choices) option.choices(spec.choices)
    if (spec.repeatable) option.default([]).argParser((value, before: string[]) => [...before, value])
    commander.addOption(option)
    if (spec.negatable) commander.addOption(new Option(`--no-${option.name()}`, spec.negatable))
  }
  return commander.action((...given: unknown[]) => {
    const input: Record<string, unknown> = { ...commander.opts() }
    command.args.forEach(({ name }, i) => {
      input[name] = given[i]
    })
    return dispatch(command, input)
  })
}

function exampleHelp(examples: Command['examples']): string {
  const width = Math.max(...examples.map(([line]) => line.length))
  const lines = examples.map(([line, comment]) =>
    width > 70 ? `  # ${comment}\n  ${line}` : `  ${line.padEnd(width)}   # ${comment}`,
  )
  return `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${lines.join('\n')}`
}

function settled(commander: Commander, { out, err }: Streams): Commander {
  return commander
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
    .configureHelp({
      // Descriptions name choices and defaults in words; a value that may be left out comes after `=`.
      optionDescription: (option) => option.description,
      optionTerm: (option) => option.flags.replace(' [', '[='),
    })
    .helpOption('-h, --help', 'show this help')
}
