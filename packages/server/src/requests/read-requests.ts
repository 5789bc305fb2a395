import type { Limits } from '@twinlock/evidence'
import type { Kysely } from 'kysely'
import { topicOf } from '../changes.ts'
import type { Tables } from '../db/tables.ts'
import type { UserCaller } from '../identity/caller.ts'
import { readOrder } from './read-order.ts'
import { getVisibleRequest } from './request-access.ts'
import { findRequest, getRequest, listOpenRequestsOf, type RequestRecord } from './request-store.ts'

/** What other features may know of a request that a person sees. */
export type VisibleRequest = Pick<RequestRecord, 'id' | 'number' | 'requesterId'>

/** Throws `request_not_found` for one that is missing or hidden. */
export async function readVisibleRequest(db: Kysely<Tables>, user: UserCaller, ref: string): Promise<VisibleRequest> {
  return getVisibleRequest(db, user, ref)
}

/** Topics of somebody's open requests: what is shown of them changes with who they are. */
export async function topicsOfOpenRequests(db: Kysely<Tables>, requesterId: string): Promise<string[]> {
  return (await listOpenRequestsOf(db, requesterId)).map(topicOf.request)
}

/** The id of a request by the number people use; for those who may read the whole log. */
export async function readRequestId(db: Kysely<Tables>, number: string): Promise<string | undefined> {
  return (await findRequest(db, number))?.id
}

export async function readOrderLimits(db: Kysely<Tables>, requestId: string): Promise<Limits> {
  return readOrder(await getRequest(db, requestId)).limits
}
