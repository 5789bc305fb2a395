import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { assertConfirmed } from '../terminal/confirmed.ts'
import { text } from '../terminal/safe-text.ts'

interface RemoveInput {
  readonly name: string
  readonly yes: boolean
}

export async function removeUser(ctx: Context, input: RemoveInput): Promise<ExitCode> {
  await assertConfirmed(
    ctx,
    input.yes,
    text`Remove ${input.name} for good? Their tokens are revoked, their open requests withdrawn, and the name is not given again. [y/N] `,
  )
  const { client } = await ctx.connect()
  const user = await client.call(
    api.identity.removeUser,
    { params: { name: input.name } },
    { signal: ctx.io.interrupt },
  )
  if (ctx.json) await ctx.printJson(user)
  else await ctx.say(text`removed ${user.name}; what they did stays in the audit log`)
  return EXIT.done
}
