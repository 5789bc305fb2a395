import { can, type RequestStatus } from '@twinlock/contract'
import type { Person } from '../identity/people.ts'
import type { OutlineFilter, RequestOutline, RequestScope } from './outline-store.ts'
import { canSeeOthers, mayReview } from './request-access.ts'

/** What somebody wants to see of the requests that are for their eyes. */
export interface ListWish {
  readonly status: RequestStatus | undefined
  /** undefined: every target; without an environment, all of the database's. */
  readonly target: { readonly database: string; readonly environment: string | undefined } | undefined
  readonly requesterId: string | undefined
  /** Only those that wait for a review that this person may give. */
  readonly awaiting: boolean
}

/** No name: held for every target. */
const EVERYWHERE = { database: '*', environment: '*' }

/** Which requests may be on somebody's list, as far as their outlines tell. Scopes that are not given are nobody's. */
export function toOutlineFilter(viewer: Person, scopes: readonly RequestScope[], wish: ListWish): OutlineFilter {
  const { requesterId, target } = wish
  const wanted = scopes.filter((scope) => target === undefined || isWithin(target, scope))
  const nobodys = new Set<string>()
  if (wish.awaiting) {
    const reviewed = wanted.filter((scope) => mayReview(viewer, scope))
    const isOver = wish.status !== undefined && wish.status !== 'pending'
    const within = { scopes: isOver ? nobodys : idsOf(reviewed), own: { of: viewer.id, scopes: nobodys } }
    return { status: 'pending', requesterId, notOf: viewer.id, within }
  }
  const seesAll = target === undefined && can(viewer.roles, 'request:read_any', EVERYWHERE)
  const seen = wanted.filter((scope) => canSeeOthers(viewer, scope))
  const within = { scopes: idsOf(seen), own: { of: viewer.id, scopes: idsOf(wanted) } }
  return { status: wish.status, requesterId, notOf: undefined, within: seesAll ? undefined : within }
}

/** The filter again, for a request that has changed. */
export function matchesOutline(filter: OutlineFilter, outline: RequestOutline): boolean {
  const { status, requesterId, notOf, within } = filter
  if (status !== undefined && status !== outline.status) return false
  if (requesterId !== undefined && requesterId !== outline.requesterId) return false
  if (notOf === outline.requesterId) return false
  if (within === undefined || within.scopes.has(outline.scopeId)) return true
  return within.own.of === outline.requesterId && within.own.scopes.has(outline.scopeId)
}

function isWithin(target: NonNullable<ListWish['target']>, scope: RequestScope): boolean {
  if (target.database !== scope.database) return false
  return target.environment === undefined || target.environment === scope.environment
}

function idsOf(scopes: readonly RequestScope[]): ReadonlySet<string> {
  return new Set(scopes.map(({ id }) => id))
}
