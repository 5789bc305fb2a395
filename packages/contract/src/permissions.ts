/**
 * Every permission, `noun:verb`, with what it is about:
 * - `self`: the caller's own affairs; any role gives it
 * - `target`: one target at a time; a role that is held for some targets gives it there alone
 * - `server`: the installation as a whole; only a role that is held everywhere gives it
 */
export const PERMISSION_SCOPES = {
  'self:read': 'self',
  'token:read_own': 'self',
  'token:revoke_own': 'self',
  'target:read': 'target',
  'target:pause': 'target',
  'agent:read': 'target',
  'request:create': 'target',
  'request:read': 'target',
  'request:read_any': 'target',
  'request:review': 'target',
  'request:comment': 'target',
  'request:cancel': 'target',
  'request:cancel_any': 'target',
  'execution:start': 'target',
  'execution:read': 'target',
  'result:read': 'target',
  'user:create': 'server',
  'user:read': 'server',
  'user:update': 'server',
  'user:suspend': 'server',
  'user:remove': 'server',
  'token:create': 'server',
  'token:read': 'server',
  'token:revoke': 'server',
  'agent_token:create': 'server',
  'audit:read': 'server',
  'sql:select': 'target',
  'sql:dml': 'target',
  'sql:ddl': 'target',
  'sql:privileged': 'target',
  'sql:unparsed': 'target',
} as const satisfies Record<string, 'self' | 'target' | 'server'>

export type Permission = keyof typeof PERMISSION_SCOPES
export const PERMISSIONS = Object.keys(PERMISSION_SCOPES) as [Permission, ...Permission[]]

const READING = [
  'self:read',
  'token:read_own',
  'token:revoke_own',
  'target:read',
  'agent:read',
  'request:read',
  'execution:read',
] as const
const ASKING = [
  ...READING,
  'request:create',
  'request:comment',
  'request:cancel',
  'execution:start',
  'result:read',
] as const

/**
 * What each role may do. A role lets somebody *ask*; whether a request runs is for its workflow to say: `request:review`
 * counts only where a workflow names the person, and privileged and unparsed statements only where one names them.
 */
export const ROLES = {
  admin: PERMISSIONS,
  developer: [...ASKING, 'request:review', 'sql:select', 'sql:dml', 'sql:ddl', 'sql:privileged', 'sql:unparsed'],
  readonly: [...ASKING, 'sql:select'],
  approver: [...READING, 'request:review', 'request:comment'],
  operator: [...READING, 'request:read_any', 'request:comment', 'request:cancel', 'request:cancel_any', 'target:pause'],
  auditor: [...READING, 'request:read_any', 'audit:read', 'user:read', 'token:read'],
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

interface Target {
  readonly database: string
  readonly environment: string
}

/** A role as somebody holds it: for every target (`*` and `*`), or for some. */
export interface RoleAssignment {
  readonly role: Role
  /** A name, or `*` for every one. */
  readonly database: string
  readonly environment: string
}

const ASSIGNMENT = /^([a-z]+)(?:@(\*|[a-z0-9][a-z0-9._@-]{0,62})\/(\*|[a-z0-9][a-z0-9._@-]{0,62}))?$/

/** Reads `developer`, `developer@app/production`, `approver@*\/staging`; undefined when it is not one. */
export function parseRoleAssignment(text: string): RoleAssignment | undefined {
  const [, role, database = '*', environment = '*'] = ASSIGNMENT.exec(text) ?? []
  if (role === undefined || !Object.hasOwn(ROLES, role)) return undefined
  return { role: role as Role, database, environment }
}

export function formatRoleAssignment({ role, database, environment }: RoleAssignment): string {
  return database === '*' && environment === '*' ? role : `${role}@${database}/${environment}`
}

/** Whether the role is held for this target. */
export function coversRoleTarget(assignment: RoleAssignment, target: Target): boolean {
  return (
    (assignment.database === '*' || assignment.database === target.database) &&
    (assignment.environment === '*' || assignment.environment === target.environment)
  )
}

/** Whether the role is held for this target by one of the assignments. */
export function holdsRole(assignments: readonly RoleAssignment[], role: Role, target: Target): boolean {
  return assignments.some((assignment) => assignment.role === role && coversRoleTarget(assignment, target))
}

/**
 * Whether these roles allow something: on this target, or without one, somewhere. What is about the whole installation
 * needs a role that is held for every target.
 */
export function can(assignments: readonly RoleAssignment[], permission: Permission, target?: Target): boolean {
  return assignments.some(
    (assignment) =>
      (ROLES[assignment.role] as readonly Permission[]).includes(permission) &&
      coversScope(assignment, permission, target),
  )
}

function coversScope(assignment: RoleAssignment, permission: Permission, target: Target | undefined): boolean {
  switch (PERMISSION_SCOPES[permission]) {
    case 'self':
      return true
    case 'target':
      return target === undefined || coversRoleTarget(assignment, target)
    case 'server':
      return assignment.database === '*' && assignment.environment === '*'
  }
}
