import { parseRoleAssignment, ROLE_NAMES, type UserStatus } from '@twinlock/contract'
import { describe, expect, it } from 'vitest'
import { isAdministrator, transition, type UserCommand } from './user-state.ts'

/** The whole matrix: what each command makes of each status. */
const EXPECTED: Record<UserStatus, Record<UserCommand, UserStatus | 'refused'>> = {
  active: { suspend: 'suspended', activate: 'active', remove: 'removed' },
  suspended: { suspend: 'suspended', activate: 'active', remove: 'removed' },
  removed: { suspend: 'refused', activate: 'refused', remove: 'removed' },
}

describe('a user', () => {
  for (const [status, commands] of Object.entries(EXPECTED) as [UserStatus, Record<UserCommand, string>][])
    for (const [command, expected] of Object.entries(commands) as [UserCommand, string][])
      it(`who is ${status} and told to ${command}: ${expected}`, () => {
        expect(transition(status, command)).toEqual(
          expected === 'refused'
            ? { ok: false, code: 'user_removed' }
            : { ok: true, next: expected, changes: expected !== status },
        )
      })
})

describe('an administrator', () => {
  const holds = (...texts: string[]) => texts.flatMap((text) => parseRoleAssignment(text) ?? [])

  it('is active and holds admin for every target', () => {
    expect(isAdministrator({ status: 'active', roles: holds('readonly', 'admin') })).toBe(true)
    expect(isAdministrator({ status: 'active', roles: holds('admin@*/*') })).toBe(true)
    for (const status of ['suspended', 'removed'] as const)
      expect(isAdministrator({ status, roles: holds('admin') })).toBe(false)
  })

  it('is nobody with another role, or with admin for some targets', () => {
    const others = ROLE_NAMES.filter((name) => name !== 'admin')
    for (const roles of [others, ['admin@app/*', 'admin@*/production'], ['admin@app/production'], []])
      expect(isAdministrator({ status: 'active', roles: holds(...roles) })).toBe(false)
  })
})
