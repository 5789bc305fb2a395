import { AppError, api, parseDuration, type TokenView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { parseTarget } from '../requests/target-option.ts'
import { joined, text } from '../terminal/safe-text.ts'
import { expiryText } from './expiry-text.ts'

interface TokenInput {
  readonly user: string | undefined
  readonly agent: boolean
  readonly target: readonly string[]
  readonly label: string | undefined
  readonly expiresIn: string | undefined
}

export async function createToken(ctx: Context, input: TokenInput): Promise<ExitCode> {
  const create = input.agent ? agentToken(ctx, input) : userToken(ctx, input)
  const { client } = await ctx.connect()
  const created = await create(client)
  if (created.token === undefined)
    throw new AppError('unexpected_answer', { detail: 'the server made a token but did not show it' })
  if (ctx.json) await ctx.printJson(created)
  else {
    await ctx.print(text`${created.token}`)
    const owner = created.targets === null ? text`${created.user ?? ''}` : text`agents of ${created.targets.join(', ')}`
    await ctx.say(
      joined(
        [
          text`token for ${owner}; ${expiryText(created.expires_at, ctx.now())}`,
          text`  It is not shown again. To end it: twinlock token revoke ${created.id}`,
        ],
        '\n',
      ),
    )
  }
  return EXIT.done
}

function userToken(ctx: Context, input: TokenInput): (client: Client) => Promise<TokenView> {
  const { user } = input
  if (user === undefined)
    throw new CliError(
      'usage',
      'It is not clear whose token.',
      'twinlock token create NAME, or: --agent --target app/production',
    )
  if (input.target.length > 0)
    throw new CliError('usage', "--target is for an agent's token.", 'What a person may do is decided by their roles.')
  const body = { user, ...labelOf(input.label), ...expiry(input.expiresIn) }
  return (client) => client.call(api.identity.createToken, { body }, { signal: ctx.io.interrupt })
}

function agentToken(ctx: Context, input: TokenInput): (client: Client) => Promise<TokenView> {
  if (input.user !== undefined)
    throw new CliError('usage', 'A token is for a user or for an agent, not both.', 'Leave out the name, or --agent.')
  if (input.target.length === 0)
    throw new CliError(
      'usage',
      "An agent's token is bound to targets.",
      'Add --target app/production; it may be repeated.',
    )
  const body = { targets: input.target.map(parseTarget), ...labelOf(input.label), ...expiry(input.expiresIn) }
  return (client) => client.call(api.identity.createAgentToken, { body }, { signal: ctx.io.interrupt })
}

function labelOf(option: string | undefined): { label?: string } {
  const label = option?.trim()
  return label ? { label } : {}
}

function expiry(option: string | undefined): { expires_in_s?: number } {
  if (option === undefined) return {}
  const ms = parseDuration(option)
  if (ms === undefined || ms < 1000)
    throw new CliError('usage', `--expires-in ${option} is not a duration.`, 'Write it like 12h or 90d.')
  return { expires_in_s: Math.floor(ms / 1000) }
}
