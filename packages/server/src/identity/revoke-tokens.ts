import { AppError, can } from '@twinlock/contract'
import type { Actor } from '@twinlock/evidence'
import { appendAudit } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillMay } from './authority.ts'
import type { UserCaller } from './caller.ts'
import { findToken, listUnrevokedTokens, markRevoked, type Token } from './token-store.ts'
import { findUserByName, getUser } from './user-store.ts'

type Ctx = Pick<Context, 'db' | 'clock' | 'ids' | 'random' | 'openCalls'>

/** Revokes one's own token, or with `token:revoke` anybody's and an agent's. Revoking it again changes nothing. */
export async function revokeToken(ctx: Ctx, by: UserCaller, id: string, idempotency?: Idempotency): Promise<string> {
  await ctx.db.transact(async (tx) => {
    const actor = await assertStillMay(ctx, tx, by, 'token:revoke_own')
    const token = await findToken(tx, id)
    // Somebody else's and none at all are one answer.
    const { roles } = await getUser(tx, by.id)
    if (!token || (token.userId !== by.id && !can(roles, 'token:revoke')))
      throw new AppError('token_not_found', { detail: `there is no token ${id}` })
    await revoke(ctx, tx, token, actor)
    await rememberAnswer(ctx, tx, idempotency, id)
  })
  ctx.openCalls.end([id])
  return id
}

/** Revokes every token of a user, also the one that asks. Returns how many there were. */
export async function revokeTokensOf(
  ctx: Ctx,
  by: UserCaller,
  name: string,
  idempotency?: Idempotency,
): Promise<number> {
  const revoked = await ctx.db.transact(async (tx) => {
    const actor = await assertStillMay(ctx, tx, by, by.name === name ? 'token:revoke_own' : 'token:revoke')
    const user = await findUserByName(tx, name)
    if (!user) throw new AppError('user_not_found', { detail: `there is no user ${name}` })
    const revoked = await revokeAllTokens(ctx, tx, user, actor)
    await rememberAnswer(ctx, tx, idempotency, String(revoked.length))
    return revoked
  })
  ctx.openCalls.end(revoked)
  return revoked.length
}

/** Returns their ids; the caller ends the calls under way once it is committed. */
export async function revokeAllTokens(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  user: { readonly id: string },
  actor: Actor,
): Promise<string[]> {
  const tokens = await listUnrevokedTokens(tx, user.id)
  for (const token of tokens) await revoke(ctx, tx, token, actor)
  return tokens.map(({ id }) => id)
}

async function revoke(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  token: Pick<Token, 'id' | 'kind'>,
  actor: Actor,
): Promise<void> {
  if (!(await markRevoked(tx, token.id, ctx.clock.now()))) return
  await appendAudit(ctx, tx, {
    type: 'token.revoked',
    actor,
    subject: { type: 'token', id: token.id },
    data: { kind: token.kind },
  })
}
