import { AppError, can } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { UserCaller } from '../identity/caller.ts'
import { mayApprove } from './approval.ts'
import { findRequest, type RequestRecord } from './request-store.ts'

/** Who sees a request and its SQL: its requester, those who may review a step of it, and those who may see all. */
export function canSee(
  user: UserCaller,
  request: Pick<RequestRecord, 'requesterId' | 'workflow' | 'database' | 'environment'>,
): boolean {
  return (
    request.requesterId === user.id ||
    can(user.roles, 'request:read_any', request) ||
    (can(user.roles, 'request:review', request) &&
      request.workflow.steps.some((step) => mayApprove(step, user, request)))
  )
}

/** Whether there can be requests of others among those this person sees. */
export function maySeeOthers(user: UserCaller): boolean {
  return can(user.roles, 'request:read_any') || can(user.roles, 'request:review')
}

/** The request, for somebody who may see it; a missing one and a hidden one get the same answer. */
export async function getVisibleRequest(db: Kysely<Tables>, user: UserCaller, ref: string): Promise<RequestRecord> {
  const request = await findRequest(db, ref)
  if (!request || !canSee(user, request))
    throw new AppError('request_not_found', { detail: `there is no request ${describeRef(ref)}` })
  return request
}

/** As people wrote it: an id, or a number. */
export function describeRef(ref: string): string {
  return ref.startsWith('req_') ? ref : `#${ref}`
}
