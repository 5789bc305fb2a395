import { can, type ErrorCode, PERMISSIONS } from '@twinlock/contract'
import type { Person } from '../identity/people.ts'
import type { RequestRecord } from './request-store.ts'

export type RequesterRefusal = Extract<ErrorCode, 'request_frozen' | 'permission_denied' | 'operation_not_permitted'>

/**
 * Why an approved request may not start for its requester's sake: the approval says what may run, the requester's rights,
 * as they are now, whether it may run for them.
 */
export function requesterRefusal(
  requester: Pick<Person, 'roles' | 'status'> | undefined,
  request: Pick<RequestRecord, 'operations' | 'database' | 'environment'>,
): RequesterRefusal | undefined {
  if (requester?.status !== 'active') return 'request_frozen'
  if (!can(requester.roles, 'execution:start', request)) return 'permission_denied'
  const mayAll = request.operations.every((operation) => {
    // An operation without a permission of its own is nobody's.
    const permission = PERMISSIONS.find((candidate) => candidate === `sql:${operation}`)
    return permission !== undefined && can(requester.roles, permission, request)
  })
  return mayAll ? undefined : 'operation_not_permitted'
}
