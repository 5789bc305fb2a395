import { AppError } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import type { Context } from '../context.ts'
import type { Tables } from '../db/tables.ts'
import { configuredTargets } from '../policies/targets.ts'
import type { Caller } from './caller.ts'
import { tokenHash } from './token-secret.ts'
import { findToken, findTokenByHash, type Token } from './token-store.ts'
import { findUserById } from './user-store.ts'

/**
 * Who holds this `Authorization` header. Malformed, unknown, expired and revoked tokens, and those of people who are
 * suspended or removed, get one and the same answer.
 */
export async function authenticate(
  ctx: Pick<Context, 'db' | 'clock' | 'config' | 'lastUse'>,
  authorization: string | undefined,
): Promise<Caller> {
  const [, bearer] = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(authorization ?? '') ?? []
  const hash = bearer === undefined ? undefined : tokenHash(bearer)
  const token = hash === undefined ? undefined : await findTokenByHash(ctx.db.read, hash)
  if (!token || !isLive(token, ctx.clock.now())) throw new AppError('unauthenticated')
  if (token.kind === 'agent') {
    ctx.lastUse.note(token.id)
    return { type: 'agent', tokenId: token.id, targets: token.targets ?? configuredTargets(ctx.config) }
  }
  const user = token.userId === null ? undefined : await findUserById(ctx.db.read, token.userId)
  if (user?.status !== 'active') throw new AppError('unauthenticated')
  ctx.lastUse.note(token.id, user.id)
  return {
    type: 'user',
    id: user.id,
    name: user.name,
    status: user.status,
    roles: user.roles,
    tokenId: token.id,
    tokenExpiresAt: token.expiresAt,
  }
}

/**
 * Whether the caller's token, and the caller, still are what they were when they were let in; for what is decided later,
 * within the transaction that decides it. Throws what `authenticate` does.
 */
export async function assertStillLive(
  ctx: Pick<Context, 'clock'>,
  db: Kysely<Tables>,
  caller: Pick<Caller, 'tokenId'>,
): Promise<void> {
  const token = await findToken(db, caller.tokenId)
  if (!token || !isLive(token, ctx.clock.now())) throw new AppError('unauthenticated')
  if (token.userId !== null && (await findUserById(db, token.userId))?.status !== 'active')
    throw new AppError('unauthenticated')
}

function isLive(token: Pick<Token, 'revokedAt' | 'expiresAt'>, now: number): boolean {
  return token.revokedAt === null && (token.expiresAt === null || now < token.expiresAt)
}
