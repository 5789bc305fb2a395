import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { UserCaller } from '../identity/caller.ts'
import { getVisibleRequest } from './request-access.ts'
import type { RequestRecord } from './request-store.ts'

/** What other features may know of a request that a person sees. */
export type VisibleRequest = Pick<RequestRecord, 'id' | 'number' | 'requesterId'>

/** Throws `request_not_found` for one that is missing or hidden. */
export async function readVisibleRequest(db: Kysely<Tables>, user: UserCaller, ref: string): Promise<VisibleRequest> {
  return getVisibleRequest(db, user, ref)
}
