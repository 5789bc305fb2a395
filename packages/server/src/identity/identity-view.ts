import { formatRoleAssignment, type TokenView, type UserView } from '@twinlock/contract'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import { configuredTargets, targetText } from '../policies/targets.ts'
import { readPersonName } from './people.ts'
import { readLastUses, type Token } from './token-store.ts'
import type { User } from './user-store.ts'

type Ctx = Pick<Context, 'db' | 'config' | 'lastUse'>

export async function toUserView(ctx: Ctx, user: User): Promise<UserView> {
  const [view] = await toUserViews(ctx, [user])
  if (!view) throw new Error('one user makes one view')
  return view
}

export async function toUserViews(ctx: Ctx, users: readonly User[]): Promise<UserView[]> {
  const written = await readLastUses(
    ctx.db.read,
    users.map(({ id }) => id),
  )
  return users.map((user) => ({
    name: user.name,
    status: user.status,
    roles: user.roles.map(formatRoleAssignment),
    suspended: user.suspended && { ...user.suspended, at: toInstant(user.suspended.at) },
    created_at: toInstant(user.createdAt),
    last_seen_at: toInstantOrNull(ctx.lastUse.of(user.id, written.get(user.id) ?? null)),
  }))
}

/** `secret` where the token was made with this very call. */
export async function toTokenView(ctx: Ctx, token: Token, secret?: string): Promise<TokenView> {
  return {
    id: token.id,
    kind: token.kind,
    user: token.userId === null ? null : await readPersonName(ctx.db.read, token.userId),
    label: token.label,
    targets: token.kind === 'agent' ? (token.targets ?? configuredTargets(ctx.config)).map(targetText) : null,
    created_at: toInstant(token.createdAt),
    expires_at: toInstantOrNull(token.expiresAt),
    revoked_at: toInstantOrNull(token.revokedAt),
    last_used_at: toInstantOrNull(ctx.lastUse.of(token.id, token.lastUsedAt)),
    ...(secret === undefined ? {} : { token: secret }),
  }
}

function toInstantOrNull(ms: number | null): string | null {
  return ms === null ? null : toInstant(ms)
}
