import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { text } from '../terminal/safe-text.ts'
import { readRoles } from './role-option.ts'

interface UpdateInput {
  readonly name: string
  readonly role: readonly string[]
}

export async function updateUser(ctx: Context, input: UpdateInput): Promise<ExitCode> {
  const body = { roles: readRoles(input.role) }
  const { client } = await ctx.connect()
  const user = await client.call(
    api.identity.updateUser,
    { params: { name: input.name }, body },
    { signal: ctx.io.interrupt },
  )
  if (ctx.json) await ctx.printJson(user)
  else await ctx.say(text`${user.name} now has ${user.roles.join(', ')}`)
  return EXIT.done
}
