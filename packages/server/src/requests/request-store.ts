import { type OperationName, operationNameSchema, type RequestStatus, roleSchema } from '@twinlock/contract'
import { digestOf, limitsSchema } from '@twinlock/evidence'
import type { Kysely, Selectable } from 'kysely'
import { z } from 'zod'
import { compileOnce, VALUE } from '../db/compile-once.ts'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'
import { countHeldExecutions, countOpenExecutions } from '../executions/read-executions.ts'
import { parseOnce } from '../parse-once.ts'
import type { Workflow } from '../policies/workflow.ts'
import type { Review } from './approval.ts'
import type { RequestState } from './request-state.ts'

const statementsSchema = z.array(
  z.object({
    operation: operationNameSchema,
    transactional: z.boolean(),
    reasons: z.array(z.object({ code: z.string(), message: z.string() })),
  }),
)
const approverSchema = z.union([
  z.strictObject({ role: roleSchema, min: z.number() }),
  z.strictObject({ user: z.string(), min: z.number() }),
])
const workflowSchema: z.ZodType<Workflow> = z.strictObject({
  database: z.string(),
  environment: z.string(),
  operations: z.array(operationNameSchema).nullable(),
  requireReason: z.boolean(),
  autoApprove: z.enum(['never', 'always']),
  pendingTtlS: z.number(),
  approvalTtlS: z.number(),
  maxExecutions: z.number(),
  executionWindowS: z.number(),
  limits: limitsSchema,
  steps: z.array(z.strictObject({ mode: z.enum(['all', 'any']), approvers: z.array(approverSchema) })),
})

const operationsSchema = z.array(operationNameSchema)
const readOperations = parseOnce((text) => operationsSchema.parse(JSON.parse(text)))
const readStatements = parseOnce((text) => statementsSchema.parse(JSON.parse(text)))
export const readWorkflow = parseOnce((text) => workflowSchema.parse(JSON.parse(text)))

export interface RequestRecord {
  readonly id: string
  readonly number: number
  readonly requesterId: string
  readonly database: string
  readonly environment: string
  readonly sql: string
  readonly reason: string | null
  readonly start: 'manual' | 'on_approval'
  readonly operations: readonly OperationName[]
  readonly statements: z.infer<typeof statementsSchema>
  readonly workflow: Workflow
  readonly workOrder: string
  readonly workOrderDigest: string
  readonly status: RequestStatus
  readonly approvedVia: 'workflow' | 'auto' | null
  readonly maxExecutions: number
  readonly slotsUsed: number
  readonly createdAt: number
  readonly decidedAt: number | null
  readonly approvedAt: number | null
  readonly firstStartedAt: number | null
  readonly expiresAt: number
  /** The request that this one is an edited version of. */
  readonly replacesId: string | null
  /** The name of who withdrew it. */
  readonly cancelledBy: string | null
  readonly cancelReason: string | null
  readonly executionOpen: boolean
}

export function stateOf(request: RequestRecord): RequestState {
  const { status, expiresAt, slotsUsed, maxExecutions, executionOpen } = request
  return { status, expiresAt, slotsUsed, maxExecutions, executionOpen }
}

export async function nextRequestNumber(tx: Tx): Promise<number> {
  const last = await tx.selectFrom('requests').select('number').orderBy('number', 'desc').limit(1).executeTakeFirst()
  return Number(last?.number ?? 0) + 1
}

export async function insertRequest(tx: Tx, request: RequestRecord): Promise<void> {
  const { database, environment } = request
  const workflow = JSON.stringify(request.workflow)
  const scopeId = digestOf(Buffer.from(JSON.stringify([database, environment, workflow])))
  await tx
    .insertInto('request_scopes')
    .values({ id: scopeId, database, environment, workflow })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
  await tx
    .insertInto('requests')
    .values({
      id: request.id,
      number: request.number,
      requester_id: request.requesterId,
      scope_id: scopeId,
      database,
      environment,
      sql: request.sql,
      reason: request.reason,
      start: request.start,
      operations: JSON.stringify(request.operations),
      statements: JSON.stringify(request.statements),
      work_order: request.workOrder,
      work_order_digest: request.workOrderDigest,
      status: request.status,
      previous_status: 'new',
      approved_via: request.approvedVia,
      max_executions: request.maxExecutions,
      slots_used: request.slotsUsed,
      created_at: request.createdAt,
      decided_at: request.decidedAt,
      approved_at: request.approvedAt,
      first_started_at: request.firstStartedAt,
      expires_at: request.expiresAt,
      replaces_id: request.replacesId,
    })
    .execute()
}

const selectById = compileOnce((db) => selectRequests(db).where('requests.id', '=', VALUE))
// The driver takes any value that can be stored; the number is put in at each run.
const selectByNumber = compileOnce((db) => selectRequests(db).where('requests.number', '=', VALUE as unknown as number))

/** By id, or by the number people use. */
export async function findRequest(db: Kysely<Tables>, ref: string): Promise<RequestRecord | undefined> {
  const row = await (ref.startsWith('req_') ? selectById(db, ref) : selectByNumber(db, Number(ref)))
  return row && toRecord(row)
}

export async function getRequest(db: Kysely<Tables>, id: string): Promise<RequestRecord> {
  const row = await selectById(db, id)
  if (!row) throw new Error(`request ${id} is gone`)
  return toRecord(row)
}

/** Newest first. */
export async function listRequestsById(db: Kysely<Tables>, ids: readonly string[]): Promise<RequestRecord[]> {
  const rows = await selectRequests(db).where('requests.id', 'in', ids).orderBy('requests.number', 'desc').execute()
  return rows.map(toRecord)
}

/** Requests whose time is over, unless an agent has one of their executions in its hands; the longest overdue first. */
export async function listExpiredRequests(db: Kysely<Tables>, now: number, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('requests')
    .select('id')
    .where('status', 'in', ['pending', 'approved'])
    .where('expires_at', '<=', now)
    .where((eb) => eb(countHeldExecutions(eb), '=', 0))
    .orderBy('expires_at')
    .limit(limit)
    .execute()
  return rows.map((row) => row.id)
}

/** The pending and approved ones, oldest first. */
export async function listOpenRequestsOf(db: Kysely<Tables>, requesterId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('requests')
    .select('id')
    .where('requester_id', '=', requesterId)
    .where('status', 'in', ['pending', 'approved'])
    .orderBy('number')
    .execute()
  return rows.map(({ id }) => id)
}

export interface RequestChange {
  readonly status?: RequestStatus
  readonly approvedVia?: 'workflow' | 'auto'
  readonly approvedAt?: number
  readonly decidedAt?: number
  readonly expiresAt?: number
  readonly slotsUsed?: number
  readonly firstStartedAt?: number | null
  readonly cancelledBy?: string
  readonly cancelReason?: string | null
}

/** Changes a request if it still is as it was read; false when something else came first. */
export async function updateRequest(tx: Tx, was: RequestRecord, change: RequestChange): Promise<boolean> {
  const result = await tx
    .updateTable('requests')
    .set({
      ...(change.status === undefined ? {} : { status: change.status, previous_status: was.status }),
      ...(change.approvedVia === undefined ? {} : { approved_via: change.approvedVia }),
      ...(change.approvedAt === undefined ? {} : { approved_at: change.approvedAt }),
      ...(change.decidedAt === undefined ? {} : { decided_at: change.decidedAt }),
      ...(change.expiresAt === undefined ? {} : { expires_at: change.expiresAt }),
      ...(change.slotsUsed === undefined ? {} : { slots_used: change.slotsUsed }),
      ...(change.firstStartedAt === undefined ? {} : { first_started_at: change.firstStartedAt }),
      ...(change.cancelledBy === undefined ? {} : { cancelled_by: change.cancelledBy }),
      ...(change.cancelReason === undefined ? {} : { cancel_reason: change.cancelReason }),
    })
    .where('id', '=', was.id)
    .where('status', '=', was.status)
    .where('slots_used', '=', was.slotsUsed)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

export async function insertReview(tx: Tx, id: string, requestId: string, review: Review): Promise<void> {
  await tx
    .insertInto('reviews')
    .values({
      id,
      request_id: requestId,
      step: review.step,
      decision: review.decision,
      reviewer_id: review.reviewerId,
      comment: review.comment,
      created_at: review.at,
    })
    .execute()
}

/** Oldest first. */
export async function listReviews(db: Kysely<Tables>, requestId: string): Promise<Review[]> {
  return (await listReviewsOf(db, [requestId])).get(requestId) ?? []
}

/** Of several requests, by their ids; oldest first. */
export async function listReviewsOf(
  db: Kysely<Tables>,
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, Review[]>> {
  const rows = await db
    .selectFrom('reviews')
    .selectAll()
    .where('request_id', 'in', requestIds)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  const reviews = new Map<string, Review[]>()
  for (const row of rows) {
    const ofRequest = reviews.get(row.request_id) ?? []
    reviews.set(row.request_id, ofRequest)
    ofRequest.push({
      step: row.step,
      decision: row.decision,
      reviewerId: row.reviewer_id,
      comment: row.comment,
      at: row.created_at,
    })
  }
  return reviews
}

/** The number of the request that a request is an edited version of, and of the one that is its own. */
export interface Links {
  readonly replaces: number | null
  readonly replacedBy: number | null
}

export async function listLinksOf(
  db: Kysely<Tables>,
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, Links>> {
  const rows = await db
    .selectFrom('requests')
    .leftJoin('requests as earlier', 'earlier.id', 'requests.replaces_id')
    .leftJoin('requests as later', 'later.replaces_id', 'requests.id')
    .select(['requests.id', 'earlier.number as replaces', 'later.number as replaced_by'])
    .where('requests.id', 'in', requestIds)
    .where((eb) => eb.or([eb('earlier.id', 'is not', null), eb('later.id', 'is not', null)]))
    .execute()
  return new Map(rows.map((row) => [row.id, { replaces: row.replaces, replacedBy: row.replaced_by }]))
}

function selectRequests(db: Kysely<Tables>) {
  return db
    .selectFrom('requests')
    .innerJoin('request_scopes', 'request_scopes.id', 'requests.scope_id')
    .selectAll('requests')
    .select('request_scopes.workflow')
    .select((eb) => countOpenExecutions(eb).as('open_executions'))
}

function toRecord(
  row: Selectable<Tables['requests']> & { workflow: string; open_executions: number | null },
): RequestRecord {
  return {
    id: row.id,
    number: row.number,
    requesterId: row.requester_id,
    database: row.database,
    environment: row.environment,
    sql: row.sql,
    reason: row.reason,
    start: row.start,
    operations: readOperations(row.operations),
    statements: readStatements(row.statements),
    workflow: readWorkflow(row.workflow),
    workOrder: row.work_order,
    workOrderDigest: row.work_order_digest,
    status: row.status,
    approvedVia: row.approved_via,
    maxExecutions: row.max_executions,
    slotsUsed: row.slots_used,
    createdAt: row.created_at,
    decidedAt: row.decided_at,
    approvedAt: row.approved_at,
    firstStartedAt: row.first_started_at,
    expiresAt: row.expires_at,
    replacesId: row.replaces_id,
    cancelledBy: row.cancelled_by,
    cancelReason: row.cancel_reason,
    executionOpen: Number(row.open_executions ?? 0) > 0,
  }
}
