import { AppError, can } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { UserCaller } from '../identity/caller.ts'
import type { Person } from '../identity/people.ts'
import { mayApprove } from './approval.ts'
import { findRequest, type RequestRecord } from './request-store.ts'

/** What a request's visibility to others depends on. */
type Scope = Pick<RequestRecord, 'workflow' | 'database' | 'environment'>

/** Who sees a request and its SQL: its requester, those who may review a step of it, and those who may see all. */
function canSee(viewer: Person, request: Scope & Pick<RequestRecord, 'requesterId'>): boolean {
  return request.requesterId === viewer.id || canSeeOthers(viewer, request)
}

/** Whether somebody sees other people's requests of this target and workflow. */
export function canSeeOthers(viewer: Person, scope: Scope): boolean {
  return can(viewer.roles, 'request:read_any', scope) || mayReview(viewer, scope)
}

export function mayReview(viewer: Person, scope: Scope): boolean {
  return (
    can(viewer.roles, 'request:review', scope) && scope.workflow.steps.some((step) => mayApprove(step, viewer, scope))
  )
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
