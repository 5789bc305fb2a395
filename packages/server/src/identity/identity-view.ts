import { formatRoleAssignment, type TokenView, type UserView } from '@twinlock/contract'
import { toInstant } from '../clock.ts'
import { targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import type { Token, User } from './identity-store.ts'

export function toUserView(user: User): UserView {
  return {
    name: user.name,
    status: user.status,
    roles: user.roles.map(formatRoleAssignment),
    created_at: toInstant(user.createdAt),
    last_seen_at: null,
  }
}

export function toTokenView(token: Token, userName: string | null, allTargets: readonly TargetName[]): TokenView {
  return {
    id: token.id,
    kind: token.kind,
    user: userName,
    label: token.label,
    targets: token.kind === 'agent' ? (token.targets ?? allTargets).map(targetText) : null,
    created_at: toInstant(token.createdAt),
    expires_at: token.expiresAt === null ? null : toInstant(token.expiresAt),
    revoked_at: token.revokedAt === null ? null : toInstant(token.revokedAt),
    last_used_at: token.lastUsedAt === null ? null : toInstant(token.lastUsedAt),
  }
}
