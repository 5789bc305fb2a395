import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { text } from '../terminal/safe-text.ts'

export async function activateUser(ctx: Context, input: { readonly name: string }): Promise<ExitCode> {
  const { client } = await ctx.connect()
  const user = await client.call(
    api.identity.activateUser,
    { params: { name: input.name }, body: {} },
    { signal: ctx.io.interrupt },
  )
  if (ctx.json) await ctx.printJson(user)
  else await ctx.say(text`activated ${user.name}: their tokens work again, and their open requests go on`)
  return EXIT.done
}
