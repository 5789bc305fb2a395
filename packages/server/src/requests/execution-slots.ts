import { AppError, type ErrorCode } from '@twinlock/contract'
import type { TokenApproval, WorkOrder } from '@twinlock/evidence'
import { appendAudit, SYSTEM } from '../audit/append-audit.ts'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { readPerson, readPersonName } from '../identity/people.ts'
import { readOrder } from './read-order.ts'
import { type RequestState, startRefusal, transition } from './request-state.ts'
import { getRequest, listReviews, type RequestRecord, stateOf, updateRequest } from './request-store.ts'
import { requesterRefusal } from './requester-refusal.ts'

/** What an execution is made of. */
export interface ExecutableRequest {
  readonly workOrder: string
  readonly order: WorkOrder
  /** Whether it is approved, in time, has a slot left, and its requester may still run it. */
  readonly mayStart: boolean
}

export async function readExecutableRequest(
  ctx: Pick<Context, 'clock'>,
  tx: Tx,
  requestId: string,
): Promise<ExecutableRequest> {
  const request = await getRequest(tx, requestId)
  return {
    workOrder: request.workOrder,
    order: readOrder(request),
    mayStart: (await refusalOf(ctx, tx, request)) === undefined,
  }
}

/** Uses up one of the request's executions, at the moment one starts. Throws when it may not start any more. */
export async function takeSlot(ctx: Pick<Context, 'clock'>, tx: Tx, requestId: string): Promise<void> {
  const request = await getRequest(tx, requestId)
  const now = ctx.clock.now()
  const refusal = await refusalOf(ctx, tx, request)
  if (refusal) throw new AppError(refusal, { detail: `#${request.number} may not start any more` })
  const change = {
    slotsUsed: request.slotsUsed + 1,
    ...(request.firstStartedAt === null ? { firstStartedAt: now, expiresAt: now + executionWindowMs(request) } : {}),
  }
  if (!(await updateRequest(tx, request, change))) throw new AppError('concurrent_change')
}

/**
 * Settles a request after one of its executions has ended. A slot whose execution had no effect is given back, and with
 * the last one the approval's own time; a request whose slots are used up is completed.
 */
export async function settleSlot(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  requestId: string,
  outcome: { slotGivenBack: boolean },
): Promise<void> {
  let request = await getRequest(tx, requestId)
  if (outcome.slotGivenBack && request.slotsUsed > 0) {
    const slotsUsed = request.slotsUsed - 1
    const unstarted =
      slotsUsed === 0 && request.approvedAt !== null
        ? { firstStartedAt: null, expiresAt: request.approvedAt + request.workflow.approvalTtlS * 1000 }
        : {}
    if (!(await updateRequest(tx, request, { slotsUsed, ...unstarted }))) throw new AppError('concurrent_change')
    request = { ...request, slotsUsed, ...unstarted }
  }
  const move = transition(stateOf(request), 'complete', ctx.clock.now())
  if (!move.ok || !(await updateRequest(tx, request, { status: move.next }))) return
  await appendAudit(ctx, tx, { type: move.event, actor: SYSTEM, subject: { type: 'request', id: requestId }, data: {} })
}

function executionWindowMs(request: RequestRecord): number {
  return readOrder(request).allowance.execution_window_s * 1000
}

/** Asked again at the lease and at the start: the requester may have been suspended since it was queued, or lost a role. */
async function refusalOf(ctx: Pick<Context, 'clock'>, tx: Tx, request: RequestRecord): Promise<ErrorCode | undefined> {
  const refusal = startRefusal(notOpen(request), ctx.clock.now())
  return refusal ?? requesterRefusal(await readPerson(tx, request.requesterId), request)
}

/** The execution that starts is itself the open one. */
function notOpen(request: RequestRecord): RequestState {
  return { ...stateOf(request), executionOpen: false }
}

/** What an execution's token says of its request. */
export async function readApprovedOrder(
  tx: Tx,
  requestId: string,
): Promise<{ order: WorkOrder; workOrderDigest: string; approvals: TokenApproval[] }> {
  const request = await getRequest(tx, requestId)
  const { workOrderDigest } = request
  return { order: readOrder(request), workOrderDigest, approvals: await readApprovals(tx, request) }
}

/** How a request came to be approved, as its tokens say it. */
async function readApprovals(tx: Tx, request: RequestRecord): Promise<TokenApproval[]> {
  if (request.approvedVia === 'auto' && request.approvedAt !== null)
    return [{ step: null, via: 'auto', by: null, at: toInstant(request.approvedAt), review: null }]
  const approvals: TokenApproval[] = []
  for (const review of await listReviews(tx, request.id)) {
    const by = await readPersonName(tx, review.reviewerId)
    approvals.push({ step: review.step, via: 'review', by, at: toInstant(review.at), review: null })
  }
  return approvals
}
