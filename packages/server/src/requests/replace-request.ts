import { AppError } from '@twinlock/contract'
import { appendAudit } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { cancelUnstartedExecution } from '../executions/cancel-unstarted-execution.ts'
import { actorOf, type UserCaller } from '../identity/caller.ts'
import { describeRef } from './request-access.ts'
import { transition } from './request-state.ts'
import { findRequest, listLinksOf, type RequestRecord, stateOf, updateRequest } from './request-store.ts'

export interface Replaced {
  readonly id: string
  /** The execution that was cancelled with it, if there was one. */
  readonly executionId: string | undefined
}

/**
 * Makes way for an edited version of somebody's own request, in the transaction that makes the new one: while it is open
 * it is withdrawn, so that never both of them can run. One that has ended is only linked.
 */
export async function replaceRequest(
  ctx: Context,
  tx: Tx,
  user: UserCaller,
  ref: string,
  version: { readonly id: string; readonly number: number },
): Promise<Replaced> {
  const request = await findRequest(tx, ref)
  // Somebody else's is answered like one that is missing, also to those who may see it.
  if (request?.requesterId !== user.id)
    throw new AppError('request_not_found', { detail: `there is no request ${describeRef(ref)}` })
  const replacedBy = (await listLinksOf(tx, [request.id])).get(request.id)?.replacedBy
  if (replacedBy)
    throw new AppError('request_not_replaceable', {
      detail: `#${request.number} has been replaced by #${replacedBy}`,
      hint: `Replace #${replacedBy}, or submit the statement as a request of its own.`,
    })
  if (request.status !== 'pending' && request.status !== 'approved') return { id: request.id, executionId: undefined }
  const executionId = request.executionOpen
    ? await cancelUnstartedExecution(ctx, tx, request.id, actorOf(user))
    : undefined
  await withdraw(ctx, tx, user, { ...request, executionOpen: request.executionOpen && !executionId }, version)
  return { id: request.id, executionId }
}

async function withdraw(
  ctx: Context,
  tx: Tx,
  user: UserCaller,
  request: RequestRecord,
  version: { readonly id: string; readonly number: number },
): Promise<void> {
  const now = ctx.clock.now()
  const move = transition(stateOf(request), 'cancel', now)
  if (!move.ok)
    throw new AppError('request_not_replaceable', {
      detail: `an execution of #${request.number} has started, and has not ended`,
    })
  const change = {
    status: move.next,
    cancelledBy: user.name,
    cancelReason: `replaced by #${version.number}`,
    ...(request.status === 'pending' ? { decidedAt: now } : {}),
  }
  if (!(await updateRequest(tx, request, change))) throw new AppError('concurrent_change')
  await appendAudit(ctx, tx, {
    type: move.event,
    actor: actorOf(user),
    subject: { type: 'request', id: request.id },
    data: { replaced_by: version.id },
  })
}
