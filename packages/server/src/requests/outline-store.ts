import type { RequestStatus } from '@twinlock/contract'
import type { ExpressionBuilder, Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { Workflow } from '../policies/workflow.ts'
import { type RequestRecord, readWorkflow } from './request-store.ts'

/** What tells who may see a request and on whose list it is; read from an index, without its texts. */
export interface RequestOutline extends Pick<RequestRecord, 'id' | 'number' | 'requesterId' | 'status'> {
  readonly scopeId: string
}

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
): Promise<RequestOutline[]> {
  const { status, requesterId, notOf, within } = filter
  let query = selectOutlines(db).where('number', '<', beforeNumber)
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
  return (await selectOutlines(db).where('id', 'in', ids).execute()).map(toOutline)
}

function isInScope(eb: ExpressionBuilder<Tables, 'requests'>, scopes: ReadonlySet<string>) {
  return scopes.size === 0 ? eb.lit(false) : eb('scope_id', 'in', [...scopes])
}

function selectOutlines(db: Kysely<Tables>) {
  return db.selectFrom('requests').select(['id', 'number', 'requester_id', 'status', 'scope_id'])
}

function toOutline(row: {
  id: string
  number: number
  requester_id: string
  status: RequestStatus
  scope_id: string
}): RequestOutline {
  return {
    id: row.id,
    number: row.number,
    requesterId: row.requester_id,
    status: row.status,
    scopeId: row.scope_id,
  }
}
