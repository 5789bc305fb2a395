import { describe, expect, it } from 'vitest'
import { ALL_ENDPOINTS } from './api.ts'
import { operationNameSchema } from './common.ts'
import { can, PERMISSIONS, type Permission, ROLE_NAMES, ROLES, type Role } from './permissions.ts'

const allowed = (role: Role) => PERMISSIONS.filter((permission) => can([role], permission))
/** The endpoints that somebody with this role alone may call and that change something. */
const changes = (role: Role) =>
  ALL_ENDPOINTS.filter(
    ({ method, access }) =>
      method !== 'GET' && access !== 'public' && access !== 'agent' && can([role], access as Permission),
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
    expect(changes('readonly')).toEqual(['requests.create', 'requests.cancel', 'requests.execute'])
  })

  it('readonly cannot review', () => {
    expect(can(['readonly'], 'request:review')).toBe(false)
  })

  it.each(['approver', 'operator', 'auditor'] as const)(
    '%s can neither submit nor start anything, nor read rows',
    (role) => {
      for (const permission of ['request:create', 'execution:start', 'result:read'] as const)
        expect(can([role], permission), permission).toBe(false)
      expect(allowed(role).filter((permission) => permission.startsWith('sql:'))).toEqual([])
    },
  )

  it('approver changes nothing but by reviewing', () => {
    expect(changes('approver')).toEqual(['requests.approve', 'requests.reject'])
  })

  it('operator changes nothing but by cancelling', () => {
    expect(changes('operator')).toEqual(['requests.cancel'])
    expect(can(['operator'], 'request:cancel_any')).toBe(true)
  })

  it.each(ROLE_NAMES)('%s may call the endpoint of whatever they may do to requests of others', (role) => {
    for (const permission of allowed(role).filter((name) => name.endsWith('_any')))
      expect(allowed(role), permission).toContain(permission.replace('_any', ''))
  })

  it('auditor changes nothing, and reads the log', () => {
    expect(changes('auditor')).toEqual([])
    expect(can(['auditor'], 'audit:read')).toBe(true)
  })

  it('only admin makes users and tokens', () => {
    for (const permission of ['user:create', 'token:create', 'agent_token:create'] as const)
      expect(
        ROLE_NAMES.filter((role) => can([role], permission)),
        permission,
      ).toEqual(['admin'])
  })

  it.each(ROLE_NAMES)('%s may see who they are', (role) => {
    expect(can([role], 'self:read')).toBe(true)
  })
})

describe('can', () => {
  it('roles add up, and none allow nothing', () => {
    expect(can([], 'self:read')).toBe(false)
    expect(can(['approver', 'readonly'], 'request:create')).toBe(true)
    expect(can(['approver', 'readonly'], 'request:review')).toBe(true)
    expect(can(['approver', 'readonly'], 'sql:dml')).toBe(false)
  })
})
