import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

test('no more than so many calls are at work at once, each gets its turn, and a failed one gives its place back', async () => {
  const inTurn = createTurns(3)
  let atWork = 0
  let most = 0
  const ended = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) =>
      inTurn(async () => {
        atWork += 1
        most = Math.max(most, atWork)
        await Promise.resolve()
        atWork -= 1
        if (i % 2) throw new Error('odd')
        return i
      }),
    ),
  )
  expect(most).toBe(3)
  expect(ended.map(({ status }) => status)).toEqual(
    Array.from({ length: 20 }, (_, i) => (i % 2 ? 'rejected' : 'fulfilled')),
  )
})
