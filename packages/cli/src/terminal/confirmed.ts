import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { confirm } from './ask.ts'
import type { SafeText } from './safe-text.ts'

/** Throws unless whoever sits there says yes, or `--yes` did. What follows may be destructive. */
export async function assertConfirmed(ctx: Context, yes: boolean, question: SafeText): Promise<void> {
  if (yes) return
  if (!ctx.interactive)
    throw new CliError(
      'confirmation_required',
      'Nothing was done: without a terminal there is nobody to ask.',
      'If it is meant, add --yes.',
    )
  if (!(await confirm(ctx.io, question)))
    throw new CliError('confirmation_required', 'Nothing was done: the answer was no.')
}
