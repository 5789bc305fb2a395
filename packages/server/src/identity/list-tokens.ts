import { AppError, can, idSchema } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { UserCaller } from './caller.ts'
import { listTokensBefore, type Token } from './token-store.ts'
import { findUserByName } from './user-store.ts'

const cursorSchema = idSchema('tok')

export interface TokenQuery {
  readonly user?: string | undefined
  readonly all?: 'true' | 'false' | undefined
  readonly kind?: 'user' | 'agent' | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

/** One's own tokens, or with `token:read` somebody's or everybody's; newest first. */
export async function listTokens(
  ctx: Pick<Context, 'db'>,
  by: UserCaller,
  query: TokenQuery,
): Promise<{ items: Token[]; nextCursor: string | null }> {
  const { cursor, kind, limit } = query
  if (cursor !== undefined && !cursorSchema.safeParse(cursor).success) throw new AppError('invalid_cursor')
  const userId = await whose(ctx, by, query)
  const tokens = await listTokensBefore(ctx.db.read, { before: cursor, userId, kind }, limit + 1)
  const items = tokens.slice(0, limit)
  return { items, nextCursor: tokens.length > items.length ? (items.at(-1)?.id ?? null) : null }
}

/** A user's id; undefined for everybody. Who may not ask is told so before anything is looked up. */
async function whose(ctx: Pick<Context, 'db'>, by: UserCaller, query: TokenQuery): Promise<string | undefined> {
  const { user: name, all } = query
  if (name === by.name || (name === undefined && all !== 'true')) return by.id
  if (!can(by.roles, 'token:read')) throw new AppError('permission_denied')
  if (name === undefined) return undefined
  const user = await findUserByName(ctx.db.read, name)
  if (!user) throw new AppError('user_not_found', { detail: `there is no user ${name}` })
  return user.id
}
