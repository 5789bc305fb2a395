import { api, type TokenView, type UserView } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { allPages } from '../results/all-pages.ts'
import { joined, type SafeText, text } from '../terminal/safe-text.ts'
import { relativeText, timeText } from '../terminal/time-text.ts'
import { tokenState } from './token-state.ts'

export async function showUser(ctx: Context, input: { readonly name: string }): Promise<ExitCode> {
  const { client } = await ctx.connect()
  const options = { signal: ctx.io.interrupt }
  const user = await client.call(api.identity.getUser, { params: { name: input.name } }, options)
  if (ctx.json) {
    await ctx.printJson(user)
    return EXIT.done
  }
  const { items } = await allPages((page) =>
    client.call(api.identity.listTokens, { query: { user: user.name, ...page } }, options),
  )
  await ctx.print(joined([...userLines(ctx, user), ...tokenLines(ctx, items)], '\n'))
  return EXIT.done
}

function userLines(ctx: Context, user: UserView): SafeText[] {
  const now = ctx.now()
  const { suspended } = user
  const status = user.status === 'active' ? user.status : ctx.out.bad(user.status)
  return [
    text`${ctx.out.bold(user.name)}   ${status}`,
    ...(suspended
      ? [
          text`suspended by ${suspended.by} ${relativeText(suspended.at, now)}${suspended.reason ? text`: ${suspended.reason}` : ''}`,
        ]
      : []),
    text`roles      ${user.roles.join(', ')}`,
    text`last seen  ${user.last_seen_at ? relativeText(user.last_seen_at, now) : 'never'}`,
    text`created    ${timeText(user.created_at, now)}`,
  ]
}

function tokenLines(ctx: Context, tokens: readonly TokenView[]): SafeText[] {
  const working = tokens.filter((token) => tokenState(token, ctx.now()) === 'active')
  if (working.length === 0) return [text`tokens     none that works`]
  return working.map(({ id, label, last_used_at, expires_at }, i) => {
    const used = last_used_at ? `used ${relativeText(last_used_at, ctx.now())}` : 'never used'
    const expires = expires_at ? `expires ${relativeText(expires_at, ctx.now())}` : 'does not expire'
    return text`${i === 0 ? 'tokens   ' : '         '}  ${id}  ${label ? `${label}, ` : ''}${used}, ${expires}`
  })
}
