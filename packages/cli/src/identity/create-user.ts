import { api, ROLE_NAMES, roleSchema } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { text } from '../terminal/safe-text.ts'

export async function createUser(
  ctx: Context,
  input: { readonly name: string; readonly role: readonly string[] },
): Promise<ExitCode> {
  const roles = [...new Set(input.role)].map((role) => {
    const parsed = roleSchema.safeParse(role)
    if (parsed.success) return parsed.data
    throw new CliError('usage', `"${role}" is not a role.`, `The roles are ${ROLE_NAMES.join(', ')}.`)
  })
  if (roles.length === 0)
    throw new CliError('usage', 'A user needs a role.', `Add --role with one of ${ROLE_NAMES.join(', ')}.`)
  const { client } = await ctx.connect()
  const user = await client.call(
    api.identity.createUser,
    { body: { name: input.name, roles } },
    { signal: ctx.io.interrupt },
  )
  if (ctx.json) await ctx.printJson(user)
  else
    await ctx.say(
      text`created ${user.name} (${user.roles.join(', ')})\n  A token to sign in with: twinlock token create ${user.name}`,
    )
  return EXIT.done
}
