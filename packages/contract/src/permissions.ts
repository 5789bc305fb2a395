/** Every permission, `noun:verb`. Endpoints name one; roles are lists of them. */
export const PERMISSIONS = [
  'self:read',
  'request:create',
  'request:read',
  'request:read_any',
  'request:review',
  'request:cancel',
  'request:cancel_any',
  'execution:start',
  'execution:read',
  'result:read',
  'user:create',
  'user:read',
  'token:create',
  'agent_token:create',
  'audit:read',
  'sql:select',
  'sql:dml',
  'sql:ddl',
  'sql:privileged',
  'sql:unparsed',
] as const
export type Permission = (typeof PERMISSIONS)[number]

const ASKING = [
  'self:read',
  'request:create',
  'request:read',
  'request:cancel',
  'execution:start',
  'execution:read',
  'result:read',
] as const
const READING = ['self:read', 'request:read', 'execution:read'] as const

/**
 * What each role may do. A role lets somebody *ask*; whether a request runs is for its workflow to say: `request:review`
 * counts only where a workflow names the person, and privileged and unparsed statements only where one names them.
 */
export const ROLES = {
  admin: PERMISSIONS,
  developer: [...ASKING, 'request:review', 'sql:select', 'sql:dml', 'sql:ddl', 'sql:privileged', 'sql:unparsed'],
  readonly: [...ASKING, 'sql:select'],
  approver: [...READING, 'request:review'],
  operator: [...READING, 'request:read_any', 'request:cancel', 'request:cancel_any'],
  auditor: [...READING, 'request:read_any', 'audit:read', 'user:read'],
} as const satisfies Record<string, readonly Permission[]>
export type Role = keyof typeof ROLES

export const ROLE_NAMES = [
  'admin',
  'developer',
  'readonly',
  'approver',
  'operator',
  'auditor',
] as const satisfies readonly Role[]

export function can(roles: readonly Role[], permission: Permission): boolean {
  return roles.some((role) => (ROLES[role] as readonly Permission[]).includes(permission))
}
