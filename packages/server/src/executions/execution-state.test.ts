import type { Effect, ExecutionStatus } from '@twinlock/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cancelWay, EXECUTION_TRANSITIONS, type ExecutionCommand, isEnded, transition } from './execution-state.ts'

const STATUSES = Object.keys(EXECUTION_TRANSITIONS) as ExecutionStatus[]
const END = { type: 'end', status: 'succeeded', effect: 'committed' } as const
const COMMANDS: Record<string, ExecutionCommand> = {
  lease: { type: 'lease' },
  start: { type: 'start' },
  requeue: { type: 'requeue' },
  cancel: { type: 'cancel' },
  lose: { type: 'lose' },
  end: END,
}
const EXPECTED: Record<ExecutionStatus, Record<string, ExecutionStatus>> = {
  queued: { lease: 'leased', cancel: 'cancelled' },
  leased: { start: 'running', requeue: 'queued', cancel: 'cancelled' },
  running: { end: 'succeeded', lose: 'lost' },
  lost: { end: 'succeeded' },
  succeeded: {},
  failed: {},
  cancelled: {},
}
const EFFECTS: Effect[] = ['none', 'rolled_back', 'committed', 'partial', 'unknown']

describe('an execution', () => {
  for (const status of STATUSES)
    for (const [name, command] of Object.entries(COMMANDS)) {
      const next = EXPECTED[status][name]
      it(`${next ? `moves from ${status} to ${next}` : `stays ${status}`} on ${name}`, () => {
        const move = transition({ status, leaseExpiresAt: 100 }, command, name === 'lose' ? 100 : 99)
        expect(move.ok ? move.next : undefined).toBe(next)
      })
    }

  it('does not start once its lease has ended, and is not lost before', () => {
    expect(transition({ status: 'leased', leaseExpiresAt: 100 }, { type: 'start' }, 100)).toEqual({
      ok: false,
      code: 'lease_lost',
    })
    expect(transition({ status: 'running', leaseExpiresAt: 100 }, { type: 'lose' }, 99).ok).toBe(false)
  })

  it('is cancelled at once before its start, by its agent while it runs, once, and not at all afterwards', () => {
    const ways = (cancelRequestedAt: number | null) =>
      Object.fromEntries(STATUSES.map((status) => [status, cancelWay({ status, cancelRequestedAt })]))
    const never = { lost: undefined, succeeded: undefined, failed: undefined, cancelled: undefined }
    expect(ways(null)).toEqual({ ...never, queued: 'at_once', leased: 'at_once', running: 'by_agent' })
    expect(ways(1)).toEqual({ ...never, queued: 'at_once', leased: 'at_once', running: 'asked' })
  })

  it('gives its slot back when it ended without effect, and never otherwise', () => {
    for (const status of ['succeeded', 'failed', 'cancelled'] as const)
      for (const effect of EFFECTS) {
        const move = transition({ status: 'running', leaseExpiresAt: 100 }, { type: 'end', status, effect }, 0)
        expect(move.ok && move.slotGivenBack).toBe(effect === 'none' && status !== 'succeeded')
      }
  })

  it('never leaves an end state, and a lost one moves by a report alone', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...STATUSES),
        fc.constantFrom(...Object.values(COMMANDS)),
        fc.option(fc.integer({ min: 0, max: 200 })),
        fc.integer({ min: 0, max: 200 }),
        (status, command, leaseExpiresAt, now) => {
          const move = transition({ status, leaseExpiresAt }, command, now)
          if (isEnded(status)) expect(move.ok).toBe(false)
          if (status === 'lost' && command.type !== 'end') expect(move.ok).toBe(false)
          if (move.ok) expect(move.effect !== null).toBe(isEnded(move.next))
        },
      ),
    )
  })
})
