import { AppError, isAppError } from '@twinlock/contract'
import { type AuditEvent, appendAudit, SYSTEM } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { queueExecution } from '../executions/queue-execution.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillLive } from '../identity/authenticate.ts'
import { actorOf, type UserCaller } from '../identity/caller.ts'
import { type Person, readPeople } from '../identity/people.ts'
import { foldReviews, mayApprove, type Review } from './approval.ts'
import { getVisibleRequest } from './request-access.ts'
import { type RequestCommand, transition } from './request-state.ts'
import { insertReview, listReviews, type RequestRecord, stateOf, updateRequest } from './request-store.ts'
import { requesterRefusal } from './requester-refusal.ts'

export interface ReviewInput {
  /** The step the reviewer looked at: a stale page cannot decide the next one. */
  readonly step: number
  readonly comment?: string | undefined
}

/** One person's decision on the current step of a request. Returns the request's id. */
export async function reviewRequest(
  ctx: Context,
  user: UserCaller,
  ref: string,
  decision: 'approve' | 'reject',
  input: ReviewInput,
  idempotency?: Idempotency,
): Promise<string> {
  try {
    return await review(ctx, user, ref, decision, input, idempotency)
  } catch (error) {
    if (isAppError(error, 'self_approval') || isAppError(error, 'not_an_approver'))
      await recordRefusal(ctx, user, ref, error.code)
    throw error
  }
}

async function review(
  ctx: Context,
  user: UserCaller,
  ref: string,
  decision: 'approve' | 'reject',
  input: ReviewInput,
  idempotency: Idempotency | undefined,
): Promise<string> {
  const { request, queued, firstAfterMs } = await ctx.db.transact(async (tx) => {
    const request = await getVisibleRequest(tx, user, ref)
    const now = ctx.clock.now()
    await assertStillLive(ctx, tx, user)
    const reviews = await listReviews(tx, request.id)
    const people = await readPeople(tx)
    assertMayReview(user, request, reviews, people, decision, input.step, now)
    const review: Review = { step: input.step, decision, reviewerId: user.id, comment: input.comment ?? null, at: now }
    await insertReview(tx, ctx.ids('rev'), request.id, review)
    await rememberAnswer(ctx, tx, idempotency, request.id)
    await appendAudit(ctx, tx, reviewEvent(user, request, review))
    const queued = await applyReview(ctx, tx, request, [...reviews, review], people, now)
    return { request, queued, firstAfterMs: reviews.length === 0 ? now - request.createdAt : undefined }
  })
  if (firstAfterMs !== undefined) ctx.metrics.firstReviewed(firstAfterMs)
  ctx.changes.notify(topicOf.request(request.id), ...(queued ? [topicOf.queue(request)] : []))
  return request.id
}

/** Who tried to decide what was not theirs to decide. */
async function recordRefusal(ctx: Context, user: UserCaller, ref: string, code: string): Promise<void> {
  await ctx.db.transact(async (tx) => {
    const { id } = await getVisibleRequest(tx, user, ref)
    const subject = { type: 'request', id }
    await appendAudit(ctx, tx, { type: 'review.refused', actor: actorOf(user), subject, data: { code } })
  })
}

function assertMayReview(
  user: UserCaller,
  request: RequestRecord,
  reviews: readonly Review[],
  people: ReadonlyMap<string, Person>,
  decision: 'approve' | 'reject',
  step: number,
  now: number,
): void {
  const move = transition(stateOf(request), decision, now)
  if (!move.ok)
    throw new AppError(move.code, {
      detail: `#${request.number} is ${request.status === 'pending' ? 'expired' : request.status}`,
    })
  if (request.requesterId === user.id)
    throw new AppError('self_approval', { detail: `#${request.number} is your own request` })
  if (people.get(request.requesterId)?.status !== 'active')
    throw new AppError('request_frozen', { detail: `#${request.number} is frozen` })
  const { currentStep } = foldReviews(request.workflow.steps, reviews, people, request)
  if (step !== currentStep)
    throw new AppError('step_not_current', {
      detail: `#${request.number} is at step ${currentStep}, not at step ${step}`,
    })
  const current = request.workflow.steps[currentStep - 1]
  const reviewer = people.get(user.id)
  if (!current || !reviewer || !mayApprove(current, reviewer, request))
    throw new AppError('not_an_approver', { detail: `step ${step} of #${request.number} is for others to decide` })
  if (reviews.some((review) => review.reviewerId === user.id))
    throw new AppError('already_reviewed', { detail: `you have approved #${request.number} before` })
}

/** What the reviews together make of the request; true when an execution was queued. */
async function applyReview(
  ctx: Context,
  tx: Tx,
  request: RequestRecord,
  reviews: readonly Review[],
  people: ReadonlyMap<string, Person>,
  now: number,
): Promise<boolean> {
  const rejected = reviews.some((review) => review.decision === 'reject')
  const progress = foldReviews(request.workflow.steps, reviews, people, request)
  if (!rejected && !progress.complete) return false
  const command: RequestCommand = rejected ? 'reject' : 'approve'
  const move = transition(stateOf(request), command, now)
  if (!move.ok) throw new AppError(move.code)
  const change = rejected
    ? { status: move.next, decidedAt: now }
    : {
        status: move.next,
        decidedAt: now,
        approvedVia: 'workflow' as const,
        approvedAt: now,
        expiresAt: now + request.workflow.approvalTtlS * 1000,
      }
  if (!(await updateRequest(tx, request, change))) throw new AppError('concurrent_change')
  const data = rejected ? {} : { via: 'workflow' }
  await appendAudit(ctx, tx, { type: move.event, actor: SYSTEM, subject: { type: 'request', id: request.id }, data })
  if (rejected || request.start !== 'on_approval') return false
  if (requesterRefusal(people.get(request.requesterId), request)) return false
  await queueExecution(ctx, tx, request, SYSTEM)
  return true
}

function reviewEvent(user: UserCaller, request: RequestRecord, review: Review): AuditEvent {
  return {
    type: review.decision === 'approve' ? 'review.approved' : 'review.rejected',
    actor: actorOf(user),
    subject: { type: 'request', id: request.id },
    data: { step: review.step, work_order_digest: request.workOrderDigest },
  }
}
