import { describe, expect, it } from 'vitest'
import { ALL_ENDPOINTS } from './api.ts'
import { operationNameSchema } from './common.ts'
import {
  can,
  formatRoleAssignment,
  PERMISSIONS,
  type Permission,
  parseRoleAssignment,
  ROLE_NAMES,
  ROLES,
  type Role,
} from './permissions.ts'

const everywhere = (...roles: Role[]) => roles.map((role) => ({ role, database: '*', environment: '*' }))
const allowed = (role: Role) => PERMISSIONS.filter((permission) => can(everywhere(role), permission))
/** The endpoints that somebody with this role alone may call and that change something. */
const changes = (role: Role) =>
  ALL_ENDPOINTS.filter(
    ({ method, access }) =>
      method !== 'GET' && access !== 'public' && access !== 'agent' && can(everywhere(role), access as Permission),
  ).map(({ name }) => name)

describe('the table', () => {
  it('names every role, and each of its permissions exists once', () => {
    expect([...ROLE_NAMES].sort()).toEqual(Object.keys(ROLES).sort())
    for (const role of ROLE_NAMES) {
      expect(
        ROLES[role].filter((permission) => !PERMISSIONS.includes(permission)),
        role,
      ).toEqual([])
      expect(new Set(ROLES[role]).size, role).toBe(ROLES[role].length)
    }
  })

  it('permissions are noun:verb and unique', () => {
    expect(PERMISSIONS.filter((permission) => !/^[a-z_]+:[a-z_]+$/.test(permission))).toEqual([])
    expect(new Set(PERMISSIONS).size).toBe(PERMISSIONS.length)
  })

  it('each sql: permission is an operation', () => {
    const operations = PERMISSIONS.filter((permission) => permission.startsWith('sql:')).map((name) => name.slice(4))
    expect(operations.filter((name) => !operationNameSchema.safeParse(name).success)).toEqual([])
    expect(operations).toEqual(['select', 'dml', 'ddl', 'privileged', 'unparsed'])
  })
})

describe('a role', () => {
  it('admin may do everything', () => {
    expect(allowed('admin')).toEqual([...PERMISSIONS])
  })

  it('readonly can ask for reads and for no other statement', () => {
    expect(allowed('readonly').filter((permission) => permission.startsWith('sql:'))).toEqual(['sql:select'])
    expect(changes('readonly')).toEqual([
      'requests.create',
      'requests.comment',
      'requests.cancel',
      'requests.execute',
      'executions.cancel',
      'tokens.revoke',
      'tokens.revoke_all',
    ])
  })

  it('readonly cannot review', () => {
    expect(can(everywhere('readonly'), 'request:review')).toBe(false)
  })

  it.each(['approver', 'operator', 'auditor'] as const)(
    '%s can neither submit nor start anything, nor read rows',
    (role) => {
      for (const permission of ['request:create', 'execution:start', 'result:read'] as const)
        expect(can(everywhere(role), permission), permission).toBe(false)
      expect(allowed(role).filter((permission) => permission.startsWith('sql:'))).toEqual([])
    },
  )

  it('approver changes nothing but by reviewing, beside their own tokens', () => {
    expect(changes('approver')).toEqual([
      'requests.approve',
      'requests.reject',
      'requests.comment',
      'tokens.revoke',
      'tokens.revoke_all',
    ])
  })

  it('operator changes nothing but by cancelling and pausing, beside their own tokens', () => {
    expect(changes('operator')).toEqual([
      'requests.comment',
      'requests.cancel',
      'executions.cancel',
      'databases.pause',
      'databases.resume',
      'tokens.revoke',
      'tokens.revoke_all',
    ])
    expect(can(everywhere('operator'), 'request:cancel_any')).toBe(true)
  })

  it.each(ROLE_NAMES)('%s may call the endpoint of whatever they may do to requests of others', (role) => {
    for (const permission of allowed(role).filter((name) => name.endsWith('_any')))
      expect(allowed(role), permission).toContain(permission.replace('_any', ''))
  })

  it('auditor changes nothing but their own tokens, and reads the log', () => {
    expect(changes('auditor')).toEqual(['tokens.revoke', 'tokens.revoke_all'])
    expect(can(everywhere('auditor'), 'audit:read')).toBe(true)
  })

  it('only admin makes users and tokens', () => {
    for (const permission of ['user:create', 'token:create', 'agent_token:create'] as const)
      expect(
        ROLE_NAMES.filter((role) => can(everywhere(role), permission)),
        permission,
      ).toEqual(['admin'])
  })

  it.each(ROLE_NAMES)('%s may see who they are', (role) => {
    expect(can(everywhere(role), 'self:read')).toBe(true)
  })
})

describe('can', () => {
  it('roles add up, and none allow nothing', () => {
    expect(can(everywhere(), 'self:read')).toBe(false)
    expect(can(everywhere('approver', 'readonly'), 'request:create')).toBe(true)
    expect(can(everywhere('approver', 'readonly'), 'request:review')).toBe(true)
    expect(can(everywhere('approver', 'readonly'), 'sql:dml')).toBe(false)
  })

  const shop = { database: 'app', environment: 'production' }
  const elsewhere = { database: 'app', environment: 'staging' }

  it('a role that is held for some targets allows what is about a target there alone', () => {
    const roles = [{ role: 'developer', ...shop }] as const
    expect(can(roles, 'sql:dml', shop)).toBe(true)
    expect(can(roles, 'sql:dml', elsewhere)).toBe(false)
    expect(can(roles, 'request:create')).toBe(true)
    expect(can(roles, 'self:read')).toBe(true)
  })

  it('what is about the whole installation needs a role that is held everywhere', () => {
    expect(can([{ role: 'admin', database: 'app', environment: '*' }], 'user:create')).toBe(false)
    expect(can([{ role: 'auditor', ...shop }], 'audit:read')).toBe(false)
    expect(can(everywhere('admin'), 'user:create')).toBe(true)
  })
})

describe('a role assignment in writing', () => {
  it.each(['developer', 'developer@app/production', 'approver@*/staging', 'readonly@app/*'])('%s', (text) => {
    const assignment = parseRoleAssignment(text)
    expect(assignment && formatRoleAssignment(assignment)).toBe(text)
  })

  it.each([
    '',
    'root',
    'constructor',
    'developer@app',
    'developer@',
    'developer@app/',
    'developer@App/production',
    'Admin',
  ])('"%s" is none', (text) => {
    expect(parseRoleAssignment(text)).toBeUndefined()
  })

  it('for every target it is the role alone', () => {
    expect(parseRoleAssignment('admin@*/*')).toEqual({ role: 'admin', database: '*', environment: '*' })
    expect(formatRoleAssignment({ role: 'admin', database: '*', environment: '*' })).toBe('admin')
  })
})
