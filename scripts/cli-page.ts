import { COMMANDS, NOUNS } from '../packages/cli/src/commands/commands.ts'
import { EXIT } from '../packages/cli/src/exit-codes.ts'

type Command = (typeof COMMANDS)[number]

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'done',
  error: 'an error, on this side or on the server',
  usage: 'the command line is not valid, or needs `--yes`',
  denied: 'denied by policy or permission',
  pending: 'pending, or timed out waiting',
  refused: 'rejected, expired or cancelled',
  failed: 'the database refused or failed the statement',
  unknown: 'the outcome is unknown (yet)',
  interrupted: 'interrupted',
}

/** `docs/cli.md`: every command, from the values that the command line is read by. */
export function cliPage(): string {
  const daily = COMMANDS.filter(({ path }) => path.length === 1)
  const grouped = Object.keys(NOUNS).map(
    (noun) => [noun, COMMANDS.filter(({ path }) => path.length === 2 && path[0] === noun)] as const,
  )
  return [
    [
      '`twinlock`, or `twl` for the fingers. Data goes to stdout, everything else to stderr. `--json` prints exactly one JSON',
      'document, also for errors. Each command has `--help`; `twinlock completion` makes the shell complete all of this.',
    ].join('\n'),
    contents(daily, grouped),
    '## Exit codes',
    `| code | means |\n| ---- | ----- |\n${Object.entries(EXIT)
      .map(([name, code]) => `| ${code} | ${EXIT_MEANINGS[name as keyof typeof EXIT]} |`)
      .join('\n')}`,
    '## Every day',
    ...daily.map(section),
    ...grouped.flatMap(([noun, commands]) => [`## ${noun}`, `${NOUNS[noun]}.`, ...commands.map(section)]),
  ].join('\n\n')
}

function contents(daily: readonly Command[], grouped: readonly (readonly [string, readonly Command[]])[]): string {
  const line = (commands: readonly Command[]) =>
    commands.map((command) => `[${command.path.at(-1)}](#${anchor(command)})`).join(', ')
  return [`- ${line(daily)}`, ...grouped.map(([noun, commands]) => `- ${noun}: ${line(commands)}`)].join('\n')
}

function anchor({ path }: Command): string {
  return ['twinlock', ...path].join('-')
}

function section(command: Command): string {
  const name = ['twinlock', ...command.path].join(' ')
  const args = command.args.map(({ name: arg, required }) => (required ? ` <${arg}>` : ` [${arg}]`)).join('')
  const { aliases = [] } = command
  const rows = [
    ...command.args.map(({ name: arg, description }) => [`${arg}`, description] as const),
    ...Object.values(command.options).flatMap(({ flags, description, negatable }) => [
      [flags.replace(' [', '[='), description] as const,
      ...(negatable ? [[`--no-${/--([a-z-]+)/.exec(flags)?.[1]}`, negatable] as const] : []),
    ]),
  ]
  return [
    `### ${name}`,
    [
      `${command.summary}.`,
      command.description,
      aliases.length > 0 ? `Also: ${aliases.map((alias) => `\`${alias}\``).join(', ')}.` : '',
    ]
      .filter(Boolean)
      .join(' '),
    `\`\`\`\n${name}${args}${rows.length > command.args.length ? ' [options]' : ''}\n\`\`\``,
    ...(rows.length === 0
      ? []
      : [
          `| | |\n| --- | --- |\n${rows.map(([term, what]) => `| \`${term}\` | ${what.replaceAll('|', '\\|')} |`).join('\n')}`,
        ]),
    `\`\`\`sh\n${command.examples.map(([line, comment]) => `${line}   # ${comment}`).join('\n')}\n\`\`\``,
  ].join('\n\n')
}
