import { AppError, type ExecutionView } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { exitCodeOfError } from '../exit-code.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { effectText } from '../results/summary.ts'
import { type SafeText, text } from '../terminal/safe-text.ts'
import { isOpen } from './await-execution.ts'
import { failureText } from './execution-text.ts'

type CancelVerdict =
  | { readonly ok: true; readonly says: SafeText }
  | { readonly ok: false; readonly error: Error; readonly exit: ExitCode; readonly says: SafeText | undefined }

/** What became of an execution that somebody asked to cancel: it may have been too late, and nobody may know. */
export function cancelVerdict(ctx: Context, execution: ExecutionView): CancelVerdict {
  const { request_number: number, status, effect, agent } = execution
  if (status === 'lost' || effect === 'unknown')
    return {
      ok: false,
      exit: EXIT.unknown,
      says: failureText(ctx, execution, number),
      error: new CliError(
        'outcome_unknown',
        `Nobody can say whether #${number} was cancelled in time: agent ${agent ?? 'unknown'} stopped answering while it ran.`,
        `What is found out is shown by: twinlock request show ${number}`,
      ),
    }
  if (status === 'cancelled')
    return { ok: true, says: text`#${number} cancelled   ${effectText(execution)}${agent ? `   agent ${agent}` : ''}` }
  const error = isOpen(status)
    ? new CliError(
        'wait_timed_out',
        `#${number} is still ${status}: it ends once its agent has heard of it.`,
        `Look: twinlock request show ${number}`,
      )
    : new AppError('execution_not_cancellable', {
        detail: `too late: #${number} had ${status === 'succeeded' ? 'ended' : 'failed'} before; ${effectText(execution).safe}`,
        hint: `What became of it: twinlock request show ${number}`,
      })
  return { ok: false, exit: exitCodeOfError(error), error, says: undefined }
}
