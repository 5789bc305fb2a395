import type { RequestView } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import { toInstant } from '../clock.ts'
import type { Tables } from '../db/tables.ts'
import { readLatestExecutions } from '../executions/read-executions.ts'
import { type Person, readPeople, readPerson } from '../identity/people.ts'
import type { ApproverEntry } from '../policies/workflow.ts'
import { foldReviews, isApprover, type Progress, type Review } from './approval.ts'
import { type Comment, listCommentsOf } from './comment-store.ts'
import { readOrder } from './read-order.ts'
import { type Links, listLinksOf, listReviewsOf, type RequestRecord } from './request-store.ts'

const MAX_CANDIDATES = 20

export async function toRequestView(db: Kysely<Tables>, request: RequestRecord): Promise<RequestView> {
  const [view] = await toRequestViews(db, [request])
  if (!view) throw new Error('a request has no view')
  return view
}

export async function toRequestViews(
  db: Kysely<Tables>,
  requests: readonly RequestRecord[],
  people?: ReadonlyMap<string, Person>,
): Promise<RequestView[]> {
  if (requests.length === 0) return []
  const ids = requests.map(({ id }) => id)
  const comments = await listCommentsOf(db, ids)
  const parts: Parts = {
    people: people ?? (await readPeopleOf(db, requests, comments.size > 0)),
    reviews: await listReviewsOf(db, ids),
    comments,
    links: await listLinksOf(db, ids),
    executions: await readLatestExecutions(db, ids),
  }
  return requests.map((request) => render(request, parts))
}

/** Everybody where others have or had a part in it; of a request that nobody approves or speaks of, who made it. */
async function readPeopleOf(
  db: Kysely<Tables>,
  requests: readonly RequestRecord[],
  areSpokenOf: boolean,
): Promise<ReadonlyMap<string, Person>> {
  if (areSpokenOf || requests.length > 1 || requests.some(({ workflow }) => workflow.steps.length > 0))
    return readPeople(db)
  const people = new Map<string, Person>()
  for (const { requesterId } of requests) {
    const requester = await readPerson(db, requesterId)
    if (requester) people.set(requesterId, requester)
  }
  return people
}

/** Whatever belongs to some requests, by their ids, read with one query each. */
interface Parts {
  readonly people: ReadonlyMap<string, Person>
  readonly reviews: ReadonlyMap<string, readonly Review[]>
  readonly comments: ReadonlyMap<string, readonly Comment[]>
  readonly links: ReadonlyMap<string, Links>
  readonly executions: ReadonlyMap<string, NonNullable<RequestView['latest_execution']>>
}

function render(request: RequestRecord, parts: Parts): RequestView {
  const { people } = parts
  const reviews = parts.reviews.get(request.id) ?? []
  const links = parts.links.get(request.id)
  const { limits } = readOrder(request)
  const progress = foldReviews(request.workflow.steps, reviews, people, request)
  const nameOf = (id: string) => people.get(id)?.name ?? 'somebody removed'
  const isOpen = request.status === 'pending' || request.status === 'approved'
  return {
    id: request.id,
    number: request.number,
    status: request.status,
    approved_via: request.approvedVia,
    operations: [...request.operations],
    database: request.database,
    environment: request.environment,
    requester: nameOf(request.requesterId),
    sql: request.sql,
    statements: request.statements.map((statement) => ({ ...statement, reasons: [...statement.reasons] })),
    reason: request.reason,
    start: request.start,
    steps: toSteps(request, reviews, people, progress),
    current_step: progress.currentStep,
    reviews: reviews.map((review) => ({
      step: review.step,
      decision: review.decision,
      by: nameOf(review.reviewerId),
      comment: review.comment,
      at: toInstant(review.at),
    })),
    work_order_digest: request.workOrderDigest,
    comments: (parts.comments.get(request.id) ?? []).map((comment) => ({
      by: nameOf(comment.authorId),
      text: comment.text,
      at: toInstant(comment.at),
    })),
    limits: {
      statement_timeout_ms: limits.statement_timeout_ms,
      lock_timeout_ms: limits.lock_timeout_ms,
      max_rows: limits.max_rows,
      max_result_bytes: limits.max_result_bytes,
      max_field_bytes: limits.max_field_bytes,
    },
    frozen: isOpen && people.get(request.requesterId)?.status !== 'active',
    replaces: links?.replaces ?? null,
    replaced_by: links?.replacedBy ?? null,
    expires_at: isOpen ? toInstant(request.expiresAt) : null,
    executions_left: request.status === 'approved' ? request.maxExecutions - request.slotsUsed : 0,
    latest_execution: parts.executions.get(request.id) ?? null,
    created_at: toInstant(request.createdAt),
    decided_at: request.decidedAt === null ? null : toInstant(request.decidedAt),
    cancelled: request.cancelledBy === null ? null : { by: request.cancelledBy, reason: request.cancelReason },
  }
}

function toSteps(
  request: RequestRecord,
  reviews: readonly Review[],
  people: ReadonlyMap<string, Person>,
  progress: Progress,
): RequestView['steps'] {
  const taken = new Set([request.requesterId, ...reviews.map((review) => review.reviewerId)])
  const candidatesFor = (entry: ApproverEntry) =>
    [...people.values()]
      .filter((person) => !taken.has(person.id) && isApprover(entry, person, request))
      .map((person) => person.name)
  return request.workflow.steps.map((step, i) => ({
    mode: step.mode,
    done: progress.steps[i]?.done ?? false,
    approvers: step.approvers.map((entry, j) => ({
      ...('user' in entry ? { user: entry.user } : { role: entry.role }),
      min: entry.min,
      approved_by: (progress.steps[i]?.countedFor[j] ?? []).map((person) => person.name),
      candidates: candidatesFor(entry).slice(0, MAX_CANDIDATES),
    })),
  }))
}
