import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { parseTarget } from '../requests/target-option.ts'
import { assertConfirmed } from '../terminal/confirmed.ts'
import { joined, text } from '../terminal/safe-text.ts'
import { plural } from '../terminal/time-text.ts'
import { targetName } from './target-state.ts'

interface PauseInput {
  readonly target: string
  readonly reason: string | undefined
  readonly cancelExecutions: boolean
  readonly yes: boolean
}

/** The pause itself can be taken back and asks nothing; what is cancelled cannot. */
export async function pauseTarget(ctx: Context, input: PauseInput): Promise<ExitCode> {
  const params = parseTarget(input.target)
  const name = targetName(params)
  const question = text`Pause ${name} and cancel everything that waits or runs there? [y/N] `
  if (input.cancelExecutions) await assertConfirmed(ctx, input.yes, question)
  const reason = input.reason?.trim() || undefined
  const body = {
    ...(reason === undefined ? {} : { reason }),
    ...(input.cancelExecutions ? { cancel_executions: true } : {}),
  }
  const { client } = await ctx.connect()
  const { target, cancelled } = await client.call(api.targets.pause, { params, body }, { signal: ctx.io.interrupt })
  if (ctx.json) {
    await ctx.printJson({ target, cancelled })
    return EXIT.done
  }
  const running = target.running > 0 ? text`; ${plural(target.running, 'execution')} still running` : text``
  await ctx.say(
    joined(
      [
        text`paused ${name}${cancelled > 0 ? text`; ${plural(cancelled, 'execution')} cancelled` : text``}${running}`,
        ...(target.running > 0 && !input.cancelExecutions
          ? [text`  To stop what runs: twinlock target pause ${name} --cancel-executions`]
          : []),
        text`  To go on: twinlock target resume ${name}`,
      ],
      '\n',
    ),
  )
  return EXIT.done
}
