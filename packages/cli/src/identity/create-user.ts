import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { text } from '../terminal/safe-text.ts'
import { readRoles } from './role-option.ts'

interface CreateInput {
  readonly name: string
  readonly role: readonly string[]
}

export async function createUser(ctx: Context, input: CreateInput): Promise<ExitCode> {
  const body = { name: input.name, roles: readRoles(input.role) }
  const { client } = await ctx.connect()
  const user = await client.call(api.identity.createUser, { body }, { signal: ctx.io.interrupt })
  if (ctx.json) await ctx.printJson(user)
  else
    await ctx.say(
      text`created ${user.name} (${user.roles.join(', ')})\n  A token to sign in with: twinlock token create ${user.name}`,
    )
  return EXIT.done
}
