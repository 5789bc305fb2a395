import type { RequestStatus } from '@twinlock/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  REQUEST_TRANSITIONS,
  type RequestCommand,
  type RequestState,
  startRefusal,
  transition,
} from './request-state.ts'

const STATUSES = Object.keys(REQUEST_TRANSITIONS) as RequestStatus[]
const COMMANDS: RequestCommand[] = ['approve', 'reject', 'expire', 'cancel', 'cancel_with_execution', 'complete']

const LIVE = { expiresAt: 100, slotsUsed: 0, maxExecutions: 1, executionOpen: false }
const BEFORE = 99
const AFTER = 100

/** The whole matrix: what each command makes of each status, where its guard holds. */
const EXPECTED: Record<RequestStatus, Partial<Record<RequestCommand, RequestStatus>>> = {
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
}

const stateArbitrary: fc.Arbitrary<RequestState> = fc.record({
  status: fc.constantFrom(...STATUSES),
  expiresAt: fc.integer({ min: 0, max: 200 }),
  slotsUsed: fc.integer({ min: 0, max: 3 }),
  maxExecutions: fc.integer({ min: 1, max: 3 }),
  executionOpen: fc.boolean(),
})

describe('a request', () => {
  for (const status of STATUSES)
    for (const command of COMMANDS) {
      const next = EXPECTED[status][command]
      it(`${next ? `moves from ${status} to ${next}` : `stays ${status}`} on ${command}`, () => {
        const state = { ...LIVE, status, slotsUsed: command === 'complete' ? 1 : 0 }
        const move = transition(state, command, command === 'expire' ? AFTER : BEFORE)
        expect(move.ok ? move.next : undefined).toBe(next)
      })
    }

  it('cannot be approved or rejected at or after the moment it expires', () => {
    for (const command of ['approve', 'reject'] as const)
      expect(transition({ ...LIVE, status: 'pending' }, command, AFTER)).toEqual({
        ok: false,
        code: 'request_not_pending',
      })
  })

  it('does not expire before its time', () => {
    expect(transition({ ...LIVE, status: 'pending' }, 'expire', BEFORE).ok).toBe(false)
  })

  it('does not expire, complete or get cancelled under an open execution', () => {
    const state: RequestState = { ...LIVE, status: 'approved', slotsUsed: 1, executionOpen: true }
    for (const command of ['expire', 'complete', 'cancel'] as const)
      expect(transition(state, command, AFTER).ok).toBe(false)
  })

  it('is cancelled over an open execution only when that is said, and starts no other then', () => {
    const state: RequestState = { ...LIVE, status: 'approved', maxExecutions: 2, slotsUsed: 1, executionOpen: true }
    const move = transition(state, 'cancel_with_execution', BEFORE)
    expect(move).toMatchObject({ ok: true, next: 'cancelled', event: 'request.cancelled' })
    expect(startRefusal({ ...state, status: 'cancelled', executionOpen: false }, BEFORE)).toBe('request_not_approved')
  })

  it('never leaves an end state', () => {
    fc.assert(
      fc.property(
        stateArbitrary,
        fc.constantFrom(...COMMANDS),
        fc.integer({ min: 0, max: 200 }),
        (state, command, now) => {
          const move = transition(state, command, now)
          if (state.status !== 'pending' && state.status !== 'approved') expect(move.ok).toBe(false)
          if (move.ok) expect(move.next).not.toBe(state.status)
        },
      ),
    )
  })

  it('starts nothing unless it is approved, in time, has a slot left and nothing open', () => {
    fc.assert(
      fc.property(stateArbitrary, fc.integer({ min: 0, max: 200 }), (state, now) => {
        const may =
          state.status === 'approved' &&
          now < state.expiresAt &&
          state.slotsUsed < state.maxExecutions &&
          !state.executionOpen
        expect(startRefusal(state, now) === undefined).toBe(may)
      }),
    )
  })
})
