import { COMMANDS, NOUNS } from '../commands/commands.ts'

export interface CompletionOption {
  /** `['-s', '--status']` */
  readonly names: readonly string[]
  readonly description: string
  /** What comes after it as a word of its own; undefined when nothing does. */
  readonly value?: { readonly choices: readonly string[]; readonly isFile: boolean }
}

export interface CompletionNode {
  /** The words that lead here, `request list`; empty for the program itself. */
  readonly path: string
  /** The same with aliases: `request ls`. */
  readonly spellings: readonly string[]
  readonly words: readonly { readonly word: string; readonly description: string }[]
  readonly options: readonly CompletionOption[]
}

const HELP: CompletionOption = { names: ['-h', '--help'], description: 'show this help' }
const VERSION: CompletionOption = { names: ['-V', '--version'], description: 'show the version' }

/** What may come where, from the same values that the command line is read by. */
export function completionTree(): readonly CompletionNode[] {
  const nouns = Object.entries(NOUNS).map(([word, description]) => ({ word, description }))
  const single = COMMANDS.filter(({ path }) => path.length === 1)
  return [
    { path: '', spellings: [], words: [...single.map(toWord), ...nouns], options: [HELP, VERSION] },
    ...nouns.map(({ word }) => ({
      path: word,
      spellings: [word],
      words: COMMANDS.filter(({ path }) => path.length === 2 && path[0] === word).map(toWord),
      options: [HELP],
    })),
    ...COMMANDS.map(toNode),
  ]
}

function toWord({ path, summary }: (typeof COMMANDS)[number]) {
  return { word: path.at(-1) ?? '', description: summary }
}

function toNode(command: (typeof COMMANDS)[number]): CompletionNode {
  const before = command.path.slice(0, -1)
  const last = [command.path.at(-1) ?? '', ...(command.aliases ?? [])]
  const choices = command.args.flatMap((argument) => argument.choices ?? [])
  return {
    path: command.path.join(' '),
    spellings: last.map((word) => [...before, word].join(' ')),
    words: choices.map((word) => ({ word, description: '' })),
    options: [...Object.values(command.options).flatMap(toOptions), HELP],
  }
}

function toOptions(spec: (typeof COMMANDS)[number]['options'][string]): CompletionOption[] {
  const names = spec.flags.match(/--?[a-z][a-z-]*/gi) ?? []
  const [, value] = /<(.+)>/.exec(spec.flags) ?? []
  const option = {
    names,
    description: spec.description,
    ...(value === undefined ? {} : { value: { choices: spec.choices ?? [], isFile: value === 'path' } }),
  }
  if (!spec.negatable) return [option]
  return [option, { names: [`--no-${(names.at(-1) ?? '').slice(2)}`], description: spec.negatable }]
}
