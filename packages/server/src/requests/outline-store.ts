import type { RequestStatus } from '@twinlock/contract'
import type { ExpressionBuilder, Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { Workflow } from '../policies/workflow.ts'
import { type RequestRecord, readWorkflow } from './request-store.ts'

/** What tells who may see a request and on whose list it is: all of it from an index, without its texts. */
export interface ListedOutline extends Pick<RequestRecord, 'id' | 'number' | 'requesterId'> {
  readonly scopeId: string
}

/** The same of a request that has changed. */
export interface RequestOutline extends ListedOutline, Pick<RequestRecord, 'status'> {}

/** The requests of one target under one workflow. */
export interface RequestScope extends Pick<RequestRecord, 'database' | 'environment'> {
  readonly id: string
  readonly workflow: Workflow
}

/** Which requests a list is about; a request is in it when all that is said here is so. */
export interface OutlineFilter {
  readonly status: RequestStatus | undefined
  readonly requesterId: string | undefined
  readonly notOf: string | undefined
  /** Of these scopes, or somebody's own; undefined: of any. */
  readonly within:
    | {
        readonly scopes: ReadonlySet<string>
        readonly own: { readonly of: string; readonly scopes: ReadonlySet<string> }
      }
    | undefined
}

export async function listScopes(db: Kysely<Tables>): Promise<RequestScope[]> {
  const rows = await db.selectFrom('request_scopes').selectAll().execute()
  return rows.map((row) => ({
    id: row.id,
    database: row.database,
    environment: row.environment,
    workflow: readWorkflow(row.workflow),
  }))
}

/** Newest first, below `beforeNumber`. */
export async function listOutlinesBefore(
  db: Kysely<Tables>,
  filter: OutlineFilter,
  beforeNumber: number,
  limit: number,
): Promise<ListedOutline[]> {
  const { status, requesterId, notOf, within } = filter
  let query = db
    .selectFrom('requests')
    .select(['id', 'number', 'requester_id', 'scope_id'])
    .where('number', '<', beforeNumber)
  if (status) query = query.where('status', '=', status)
  if (requesterId !== undefined) query = query.where('requester_id', '=', requesterId)
  if (notOf !== undefined) query = query.where('requester_id', '<>', notOf)
  if (within)
    query = query.where((eb) =>
      eb.or([
        isInScope(eb, within.scopes),
        eb.and([eb('requester_id', '=', within.own.of), isInScope(eb, within.own.scopes)]),
      ]),
    )
  return (await query.orderBy('number', 'desc').limit(limit).execute()).map(toOutline)
}

export async function listOutlines(db: Kysely<Tables>, ids: readonly string[]): Promise<RequestOutline[]> {
  const rows = await db
    .selectFrom('requests')
    .select(['id', 'number', 'requester_id', 'scope_id', 'status'])
    .where('id', 'in', ids)
    .execute()
  return rows.map((row) => ({ ...toOutline(row), status: row.status }))
}

function isInScope(eb: ExpressionBuilder<Tables, 'requests'>, scopes: ReadonlySet<string>) {
  return scopes.size === 0 ? eb.lit(false) : eb('scope_id', 'in', [...scopes])
}

function toOutline(row: { id: string; number: number; requester_id: string; scope_id: string }): ListedOutline {
  return { id: row.id, number: row.number, requesterId: row.requester_id, scopeId: row.scope_id }
}
