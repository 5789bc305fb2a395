import type { ErrorCode, RoleAssignment, UserStatus } from '@twinlock/contract'

export type UserCommand = 'suspend' | 'activate' | 'remove'

/** Where each command leads. Who was removed does not come back; the schema says so too. */
const USER_TRANSITIONS = {
  active: { suspend: 'suspended', activate: 'active', remove: 'removed' },
  suspended: { suspend: 'suspended', activate: 'active', remove: 'removed' },
  removed: { remove: 'removed' },
} as const satisfies Record<UserStatus, Partial<Record<UserCommand, UserStatus>>>

export type UserMove =
  | { readonly ok: true; readonly next: UserStatus; readonly changes: boolean }
  | { readonly ok: false; readonly code: ErrorCode }

/** One move of a user. Pure; saying again what is so already changes nothing. */
export function transition(status: UserStatus, command: UserCommand): UserMove {
  const moves: Partial<Record<UserCommand, UserStatus>> = USER_TRANSITIONS[status]
  const next = moves[command]
  if (next === undefined) return { ok: false, code: 'user_removed' }
  return { ok: true, next, changes: next !== status }
}

/** Whether somebody can administer the whole installation; one active person at least always can. */
export function isAdministrator(user: {
  readonly status: UserStatus
  readonly roles: readonly RoleAssignment[]
}): boolean {
  return (
    user.status === 'active' &&
    user.roles.some(({ role, database, environment }) => role === 'admin' && database === '*' && environment === '*')
  )
}
