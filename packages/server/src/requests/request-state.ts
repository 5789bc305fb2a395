import type { ErrorCode, RequestStatus } from '@twinlock/contract'

export type RequestCommand = 'approve' | 'reject' | 'expire' | 'cancel' | 'cancel_with_execution' | 'complete'

/** Where each command leads; what is not here is refused. The schema holds the same pairs. */
export const REQUEST_TRANSITIONS = {
  pending: {
    approve: 'approved',
    reject: 'rejected',
    expire: 'expired',
    cancel: 'cancelled',
    cancel_with_execution: 'cancelled',
  },
  approved: { expire: 'expired', cancel: 'cancelled', cancel_with_execution: 'cancelled', complete: 'completed' },
  completed: {},
  rejected: {},
  expired: {},
  cancelled: {},
} as const satisfies Record<RequestStatus, Partial<Record<RequestCommand, Exclude<RequestStatus, 'pending'>>>>

export interface RequestState {
  readonly status: RequestStatus
  readonly expiresAt: number
  readonly slotsUsed: number
  readonly maxExecutions: number
  /** Whether an execution is queued, leased, running or lost. */
  readonly executionOpen: boolean
}

/** No move leads back to `pending`. */
type MovedTo = Exclude<RequestStatus, 'pending'>

export type RequestMove =
  | { readonly ok: true; readonly next: MovedTo; readonly event: `request.${MovedTo}` }
  | { readonly ok: false; readonly code: ErrorCode }

/** One move of a request. Pure: the caller writes it, guarded by the status it was decided from. */
export function transition(state: RequestState, command: RequestCommand, now: number): RequestMove {
  const moves: Partial<Record<RequestCommand, MovedTo>> = REQUEST_TRANSITIONS[state.status]
  const next = moves[command]
  if (next === undefined) return { ok: false, code: refusalOf(command) }
  const expired = now >= state.expiresAt
  switch (command) {
    case 'approve':
    case 'reject':
      // Time decides, not the moment at which somebody gets round to marking it.
      if (expired) return { ok: false, code: 'request_not_pending' }
      break
    case 'expire':
      if (!expired || (state.status === 'approved' && state.executionOpen))
        return { ok: false, code: 'concurrent_change' }
      break
    case 'cancel':
      if (state.executionOpen) return { ok: false, code: 'execution_open' }
      break
    case 'cancel_with_execution':
      // An execution that runs, or is lost, goes on to an end of its own; no other starts.
      break
    case 'complete':
      if (state.executionOpen || state.slotsUsed < state.maxExecutions) return { ok: false, code: 'concurrent_change' }
      break
  }
  return { ok: true, next, event: `request.${next}` }
}

/** Whether an approved request may start an execution now. */
export function startRefusal(state: RequestState, now: number): ErrorCode | undefined {
  if (state.status === 'completed') return 'no_executions_left'
  if (state.status === 'expired') return 'approval_expired'
  if (state.status !== 'approved') return 'request_not_approved'
  if (state.executionOpen) return 'execution_open'
  if (state.slotsUsed >= state.maxExecutions) return 'no_executions_left'
  return now >= state.expiresAt ? 'approval_expired' : undefined
}

function refusalOf(command: RequestCommand): ErrorCode {
  if (command === 'cancel' || command === 'cancel_with_execution') return 'request_not_cancellable'
  return command === 'approve' || command === 'reject' ? 'request_not_pending' : 'concurrent_change'
}
