import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffDelay, MAX_BACKOFF_MS } from './backoff.ts'

test('the wait grows with every attempt to 15 seconds, and no further', () => {
  expect([0, 1, 2, 3].map((attempt) => backoffDelay(attempt, 0.999_999))).toEqual([249, 499, 999, 1999])
  expect(backoffDelay(1000, 0.999_999_999)).toBe(MAX_BACKOFF_MS - 1)
  expect(backoffDelay(1000, 0.999_999_999, 300_000)).toBe(299_999)
})

test('the wait is anything between nothing and its most', () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
      const delay = backoffDelay(attempt, random)
      expect(delay).toBeGreaterThanOrEqual(0)
      expect(delay).toBeLessThan(MAX_BACKOFF_MS)
    }),
  )
})
