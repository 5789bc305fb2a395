import { AppError } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { configuredTargets } from '../policies/targets.ts'
import type { Caller } from './caller.ts'
import { findTokenByHash, findUserById } from './identity-store.ts'
import { tokenHash } from './token-secret.ts'

/** Who holds this `Authorization` header. Unknown, malformed and expired tokens get one and the same answer. */
export async function authenticate(
  ctx: Pick<Context, 'db' | 'clock' | 'config'>,
  authorization: string | undefined,
): Promise<Caller> {
  const [, bearer] = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(authorization ?? '') ?? []
  const hash = bearer === undefined ? undefined : tokenHash(bearer)
  const token = hash === undefined ? undefined : await findTokenByHash(ctx.db.read, hash)
  if (!token || (token.expiresAt !== null && token.expiresAt <= ctx.clock.now())) throw new AppError('unauthenticated')
  if (token.kind === 'agent') {
    const configured = configuredTargets(ctx.config)
    const targets = token.targets ?? configured
    return { type: 'agent', tokenId: token.id, targets }
  }
  const user = token.userId === null ? undefined : await findUserById(ctx.db.read, token.userId)
  if (!user) throw new AppError('unauthenticated')
  return { type: 'user', id: user.id, name: user.name, roles: user.roles, tokenExpiresAt: token.expiresAt }
}
