import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { parseTarget } from '../requests/target-option.ts'
import { text } from '../terminal/safe-text.ts'
import { plural } from '../terminal/time-text.ts'
import { targetName } from './target-state.ts'

export async function resumeTarget(ctx: Context, input: { readonly target: string }): Promise<ExitCode> {
  const params = parseTarget(input.target)
  const { client } = await ctx.connect()
  const target = await client.call(api.targets.resume, { params, body: {} }, { signal: ctx.io.interrupt })
  if (ctx.json) await ctx.printJson(target)
  else {
    const waiting = target.queued > 0 ? text`; ${plural(target.queued, 'execution')} waiting for an agent` : text``
    await ctx.say(text`resumed ${targetName(target)}${waiting}`)
  }
  return EXIT.done
}
