import type { Role } from '@twinlock/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WorkflowStep } from '../policies/workflow.ts'
import { foldReviews, type Review } from './approval.ts'

const person = (name: string, ...roles: Role[]) => ({
  id: `usr_${name}`,
  name,
  roles: roles.map((role) => ({ role, database: '*', environment: '*' })),
  status: 'active' as const,
})
const bob = person('bob', 'approver')
const carol = person('carol', 'approver', 'admin')
const dave = person('dave', 'admin')
const target = { database: 'app', environment: 'production' }
const people = new Map([bob, carol, dave].map((one) => [one.id, one]))
const approval = (who: { id: string }, step = 1): Review => ({
  step,
  decision: 'approve',
  reviewerId: who.id,
  comment: null,
  at: 0,
})
const step = (mode: 'all' | 'any', ...approvers: WorkflowStep['approvers']): WorkflowStep => ({ mode, approvers })

describe('the reviews of a request', () => {
  it('complete a step when as many people as it asks for have approved', () => {
    const steps = [step('all', { role: 'approver', min: 2 })]
    expect(foldReviews(steps, [approval(bob)], people, target).complete).toBe(false)
    expect(foldReviews(steps, [approval(bob), approval(carol)], people, target).complete).toBe(true)
  })

  it('a second approval by the same person does not count', () => {
    expect(
      foldReviews([step('all', { role: 'approver', min: 2 })], [approval(bob), approval(bob)], people, target).complete,
    ).toBe(false)
  })

  it('one person does not stand for two entries of a step', () => {
    const steps = [step('all', { role: 'approver', min: 1 }, { role: 'admin', min: 1 })]
    expect(foldReviews(steps, [approval(carol)], people, target).complete).toBe(false)
    expect(foldReviews(steps, [approval(carol), approval(bob)], people, target).complete).toBe(true)
    expect(foldReviews(steps, [approval(bob), approval(carol)], people, target).complete).toBe(true)
  })

  it('any entry is enough where the step says any', () => {
    const steps = [step('any', { role: 'approver', min: 2 }, { user: 'dave', min: 1 })]
    expect(foldReviews(steps, [approval(dave)], people, target).complete).toBe(true)
    expect(foldReviews(steps, [approval(bob)], people, target).complete).toBe(false)
  })

  it('an approval for one step does nothing for another', () => {
    const steps = [step('all', { role: 'approver', min: 1 }), step('all', { role: 'approver', min: 1 })]
    const progress = foldReviews(steps, [approval(bob, 1)], people, target)
    expect([progress.complete, progress.currentStep]).toEqual([false, 2])
  })

  it('the approval of somebody who has lost the role, or is gone, does not count', () => {
    const steps = [step('all', { role: 'approver', min: 1 })]
    expect(foldReviews(steps, [approval(dave)], people, target).complete).toBe(false)
    expect(foldReviews(steps, [approval({ id: 'usr_gone' })], people, target).complete).toBe(false)
  })

  it('a rejection is no approval', () => {
    const rejection: Review = { ...approval(bob), decision: 'reject' }
    expect(foldReviews([step('all', { role: 'approver', min: 1 })], [rejection], people, target).complete).toBe(false)
  })

  it('never complete a step with fewer people than the sum of what its entries ask for', () => {
    const entry = fc.oneof(
      fc.record({ role: fc.constantFrom<Role>('admin', 'approver'), min: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ user: fc.constantFrom('bob', 'carol', 'dave'), min: fc.constant(1) }),
    )
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 3 }),
        fc.subarray([bob, carol, dave]),
        (approvers, chosen) => {
          const { complete } = foldReviews(
            [step('all', ...approvers)],
            chosen.map((one) => approval(one)),
            people,
            target,
          )
          const needed = approvers.reduce((sum, { min }) => sum + min, 0)
          if (complete) expect(new Set(chosen).size).toBeGreaterThanOrEqual(needed)
        },
      ),
    )
  })
})
