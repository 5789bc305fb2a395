import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { assertConfirmed } from '../terminal/confirmed.ts'
import { text } from '../terminal/safe-text.ts'

interface SuspendInput {
  readonly name: string
  readonly reason: string | undefined
  readonly yes: boolean
}

export async function suspendUser(ctx: Context, input: SuspendInput): Promise<ExitCode> {
  await assertConfirmed(
    ctx,
    input.yes,
    text`Suspend ${input.name}? Their tokens stop working and their open requests freeze. [y/N] `,
  )
  const reason = input.reason?.trim() || undefined
  const { client } = await ctx.connect()
  const user = await client.call(
    api.identity.suspendUser,
    { params: { name: input.name }, body: reason === undefined ? {} : { reason } },
    { signal: ctx.io.interrupt },
  )
  if (ctx.json) await ctx.printJson(user)
  else await ctx.say(text`suspended ${user.name}\n  To let them back in: twinlock user activate ${user.name}`)
  return EXIT.done
}
