import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { bashScript } from './bash-script.ts'
import { completionTree } from './completion-tree.ts'
import { fishScript } from './fish-script.ts'
import { zshScript } from './zsh-script.ts'

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript }

export async function printCompletion(ctx: Context, input: { readonly shell: string }): Promise<ExitCode> {
  if (!isShell(input.shell))
    throw new CliError('usage', `There is no completion for ${input.shell}.`, 'There is one for bash, zsh and fish.')
  await ctx.io.stdout.write(SCRIPTS[input.shell](completionTree()))
  return EXIT.done
}

function isShell(shell: string): shell is keyof typeof SCRIPTS {
  return Object.hasOwn(SCRIPTS, shell)
}
