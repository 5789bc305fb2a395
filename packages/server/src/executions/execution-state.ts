import { type Effect, type ErrorCode, type ExecutionStatus, START_WITHIN_MS } from '@twinlock/contract'

export type ExecutionCommand =
  | { readonly type: 'lease' }
  | { readonly type: 'start' }
  /** Back to the queue: handed back, or not started in time. */
  | { readonly type: 'requeue' }
  /** Before it started. */
  | { readonly type: 'cancel' }
  /** The lease of a running execution ended without a word. */
  | { readonly type: 'lose' }
  /** The agent's report, also late. */
  | { readonly type: 'end'; readonly status: 'succeeded' | 'failed' | 'cancelled'; readonly effect: Effect }

/** Where each command may lead; what is not here is refused. The schema holds the same pairs. */
export const EXECUTION_TRANSITIONS = {
  queued: { lease: ['leased'], cancel: ['cancelled'] },
  leased: { start: ['running'], requeue: ['queued'], cancel: ['cancelled'] },
  running: { end: ['succeeded', 'failed', 'cancelled'], lose: ['lost'] },
  lost: { end: ['succeeded', 'failed', 'cancelled'] },
  succeeded: {},
  failed: {},
  cancelled: {},
} as const satisfies Record<ExecutionStatus, Partial<Record<ExecutionCommand['type'], readonly ExecutionStatus[]>>>

export interface ExecutionState {
  readonly status: ExecutionStatus
  readonly leaseExpiresAt: number | null
}

export type ExecutionMove =
  | {
      readonly ok: true
      readonly next: ExecutionStatus
      readonly effect: Effect | null
      /** Whether the slot taken at the start goes back to the request. */
      readonly slotGivenBack: boolean
    }
  | { readonly ok: false; readonly code: ErrorCode }

/** One move of an execution. Pure. */
export function transition(state: ExecutionState, command: ExecutionCommand, now: number): ExecutionMove {
  const moves: Partial<Record<ExecutionCommand['type'], readonly ExecutionStatus[]>> =
    EXECUTION_TRANSITIONS[state.status]
  const next = moves[command.type]
  if (!next) return { ok: false, code: isEnded(state.status) ? 'execution_closed' : 'lease_lost' }
  switch (command.type) {
    case 'start':
      if (state.leaseExpiresAt !== null && now >= state.leaseExpiresAt) return { ok: false, code: 'lease_lost' }
      return { ok: true, next: 'running', effect: null, slotGivenBack: false }
    case 'lose':
      if (state.leaseExpiresAt === null || now < state.leaseExpiresAt) return { ok: false, code: 'concurrent_change' }
      return { ok: true, next: 'lost', effect: null, slotGivenBack: false }
    case 'cancel':
      // Nothing had started, so no slot was taken.
      return { ok: true, next: 'cancelled', effect: 'none', slotGivenBack: false }
    case 'lease':
      return { ok: true, next: 'leased', effect: null, slotGivenBack: false }
    case 'requeue':
      return { ok: true, next: 'queued', effect: null, slotGivenBack: false }
    case 'end':
      return {
        ok: true,
        next: command.status,
        effect: command.effect,
        slotGivenBack: command.effect === 'none' && command.status !== 'succeeded',
      }
  }
}

/** How a wish to cancel is carried out; `asked` where the agent was told before, undefined where there is nothing to cancel. */
export function cancelWay(state: {
  readonly status: ExecutionStatus
  readonly cancelRequestedAt: number | null
}): 'at_once' | 'by_agent' | 'asked' | undefined {
  // Who holds it must say what had happened by then: the server only asks.
  if (state.status === 'running') return state.cancelRequestedAt === null ? 'by_agent' : 'asked'
  return 'cancel' in EXECUTION_TRANSITIONS[state.status] ? 'at_once' : undefined
}

export function isEnded(status: ExecutionStatus): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled'
}

/** An execution whose end is not known yet; a request has at most one. */
export const OPEN_STATUSES = ['queued', 'leased', 'running', 'lost'] as const satisfies readonly ExecutionStatus[]

/** Open, and in an agent's hands: time alone does not end it. */
export const HELD_STATUSES = ['leased', 'running', 'lost'] as const satisfies readonly ExecutionStatus[]

export function startDeadline(now: number): number {
  return now + START_WITHIN_MS
}
