import { AppError } from '@twinlock/contract'
import type { Actor } from '@twinlock/evidence'
import { appendAudit } from '../audit/append-audit.ts'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { findTargetDatabase, targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import { assertStillMay } from './authority.ts'
import type { UserCaller } from './caller.ts'
import { agentToken, tokenHash, userToken } from './token-secret.ts'
import { insertToken, type Token } from './token-store.ts'
import { findUserByName } from './user-store.ts'

export interface CreatedToken {
  readonly token: Token
  /** Known here and to its owner; only its hash is stored. */
  readonly secret: string
}

type Ctx = Pick<Context, 'db' | 'clock' | 'ids' | 'random' | 'signingKey' | 'config'>

export async function createUserToken(
  ctx: Ctx,
  by: UserCaller,
  input: { user: string; label?: string | undefined; expiresInS: number | undefined },
  idempotency?: Idempotency,
): Promise<CreatedToken> {
  return ctx.db.transact(async (tx) => {
    const actor = await assertStillMay(ctx, tx, by, 'token:create')
    const user = await findUserByName(tx, input.user)
    if (!user) throw new AppError('user_not_found', { detail: `there is no user ${input.user}` })
    if (user.status === 'removed') throw new AppError('user_removed', { detail: `${user.name} was removed` })
    const token = newToken(ctx, {
      kind: 'user',
      userId: user.id,
      targets: null,
      label: input.label,
      expiresInS: input.expiresInS,
    })
    return storeToken(ctx, tx, { token, secret: userToken(ctx.random) }, actor, { user: user.name }, idempotency)
  })
}

/** `targets` null binds the token to every target in the configuration, also later ones. */
export async function createAgentToken(
  ctx: Ctx,
  by: UserCaller,
  input: { targets: readonly TargetName[] | null; label?: string | undefined; expiresInS: number | undefined },
  idempotency?: Idempotency,
): Promise<CreatedToken> {
  const unknown = input.targets?.find((target) => !findTargetDatabase(ctx.config, target))
  if (unknown) throw new AppError('unknown_target', { detail: `${targetText(unknown)} is not in [[databases]]` })
  const secret = agentToken(ctx.random, ctx.signingKey.fingerprint)
  const token = newToken(ctx, {
    kind: 'agent',
    userId: null,
    targets: input.targets,
    label: input.label,
    expiresInS: input.expiresInS,
  })
  const data = { targets: input.targets?.map(targetText) ?? ['*'] }
  return ctx.db.transact(async (tx) => {
    const actor = await assertStillMay(ctx, tx, by, 'agent_token:create')
    return storeToken(ctx, tx, { token, secret }, actor, data, idempotency)
  })
}

function newToken(
  ctx: Ctx,
  input: Pick<Token, 'kind' | 'userId' | 'targets'> & { label: string | undefined; expiresInS: number | undefined },
): Token {
  const { kind, userId, targets, label, expiresInS } = input
  const createdAt = ctx.clock.now()
  const expiresAt = expiresInS === undefined ? null : createdAt + expiresInS * 1000
  return {
    id: ctx.ids('tok'),
    kind,
    userId,
    targets,
    label: label ?? null,
    createdAt,
    expiresAt,
    revokedAt: null,
    lastUsedAt: null,
  }
}

/** Also stores a secret that was made elsewhere: the bootstrap files are written before the state that refers to them. */
export async function storeToken(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  created: CreatedToken,
  actor: Actor,
  data: Record<string, string | string[]>,
  idempotency?: Idempotency,
): Promise<CreatedToken> {
  const hash = tokenHash(created.secret)
  if (hash === undefined) throw new Error('the secret does not have the form of a token')
  await insertToken(tx, created.token, hash)
  await rememberAnswer(ctx, tx, idempotency, created.token.id)
  await appendAudit(ctx, tx, {
    type: 'token.created',
    actor,
    subject: { type: 'token', id: created.token.id },
    data: {
      kind: created.token.kind,
      expires_at: created.token.expiresAt === null ? null : toInstant(created.token.expiresAt),
      ...data,
    },
  })
  return created
}
