import type { Context } from './context.ts'
import type { ExitCode } from './exit-codes.ts'

interface ArgumentSpec {
  readonly name: string
  readonly description: string
  readonly required?: true
  /** What completion offers; whatever else is given reaches the command. */
  readonly choices?: readonly string[]
}

interface OptionSpec {
  /** `-r, --reason <text>`; the key of the option is the long flag in camel case. */
  readonly flags: string
  readonly description: string
  readonly choices?: readonly string[]
  /** May be given more than once. */
  readonly repeatable?: true
  /** Also exists as `--no-…`. */
  readonly negatable?: string
}

type Arguments = readonly ArgumentSpec[]
type Options = Readonly<Record<string, OptionSpec>>

type ArgumentValue<A> = A extends { required: true } ? string : string | undefined

type OptionValue<O extends OptionSpec> = O extends { choices: readonly (infer C)[] }
  ? C | undefined
  : O extends { repeatable: true }
    ? readonly string[]
    : O['flags'] extends `${string}<${string}`
      ? string | undefined
      : O['flags'] extends `${string}[${string}`
        ? string | boolean | undefined
        : boolean

/** What `run` gets: every argument and option by its name. */
type CommandInput<A extends Arguments, O extends Options> = {
  readonly [K in A[number] as K['name']]: ArgumentValue<K>
} & { readonly [K in keyof O]: OptionValue<O[K]> }

interface CommandSpec<A extends Arguments, O extends Options> {
  /** The words after `twinlock`. */
  readonly path: readonly [string] | readonly [string, string]
  readonly aliases?: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly args: A
  readonly options: O
  /** Command lines that work, with what they do. */
  readonly examples: readonly (readonly [line: string, comment: string])[]
  /** Imports what it needs itself: `--help` loads no more than these definitions. */
  run(ctx: Context, input: CommandInput<A, O>): Promise<ExitCode>
}

/** A command whose input types are settled inside it. */
export interface Command extends Omit<CommandSpec<Arguments, Options>, 'run'> {
  run(ctx: Context, input: Readonly<Record<string, unknown>>): Promise<ExitCode>
}

export function defineCommand<const A extends Arguments, const O extends Options>(spec: CommandSpec<A, O>): Command {
  // What commander hands over was built from the same spec.
  return { ...spec, run: (ctx, input) => spec.run(ctx, input as CommandInput<A, O>) }
}
