import { api, idSchema } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { assertConfirmed } from '../terminal/confirmed.ts'
import { text } from '../terminal/safe-text.ts'
import { plural } from '../terminal/time-text.ts'

interface RevokeInput {
  readonly id: string | undefined
  readonly all: boolean
  readonly user: string | undefined
  readonly yes: boolean
}

export async function revokeTokens(ctx: Context, input: RevokeInput): Promise<ExitCode> {
  if (input.id !== undefined && (input.all || input.user !== undefined))
    throw new CliError('usage', 'One token, or all of somebody?', 'Use either an id, or --all --user NAME.')
  if (input.id !== undefined) return revokeOne(ctx, input.id, input.yes)
  if (input.all && input.user !== undefined) return revokeAll(ctx, input.user, input.yes)
  throw new CliError(
    'usage',
    'It is not clear which token.',
    'twinlock token revoke ID (twinlock token list shows them), or: --all --user NAME',
  )
}

async function revokeOne(ctx: Context, id: string, yes: boolean): Promise<ExitCode> {
  if (!idSchema('tok').safeParse(id).success)
    // It may be a token itself, and is not repeated.
    throw new CliError(
      'usage',
      'That is not the id of a token: it starts with tok_.',
      'twinlock token list shows them.',
    )
  await assertConfirmed(ctx, yes, text`Revoke ${id}? Whoever uses it is out at once. [y/N] `)
  const { client } = await ctx.connect()
  const token = await client.call(api.identity.revokeToken, { params: { id } }, { signal: ctx.io.interrupt })
  if (ctx.json) await ctx.printJson(token)
  else await ctx.say(text`revoked ${token.id} of ${token.user ?? `agents of ${token.targets?.join(', ') ?? ''}`}`)
  return EXIT.done
}

async function revokeAll(ctx: Context, name: string, yes: boolean): Promise<ExitCode> {
  await assertConfirmed(
    ctx,
    yes,
    text`Revoke every token of ${name}? They are out at once, until they get a new one. [y/N] `,
  )
  const { client } = await ctx.connect()
  const answer = await client.call(
    api.identity.revokeTokens,
    { params: { name }, body: {} },
    { signal: ctx.io.interrupt },
  )
  if (ctx.json) await ctx.printJson(answer)
  else
    await ctx.say(
      text`revoked ${plural(answer.revoked, 'token')} of ${name}\n  A new one: twinlock token create ${name}`,
    )
  return EXIT.done
}
