import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { idSchema } from './common.ts'
import { newId } from './new-id.ts'

const zeros = (size: number) => new Uint8Array(size)
const ones = (size: number) => new Uint8Array(size).fill(0xff)

it('is the prefix, ten characters of time and sixteen of chance', () => {
  expect(newId('req', 0, zeros)).toBe(`req_${'0'.repeat(26)}`)
  expect(newId('req', 0, ones)).toBe(`req_${'0'.repeat(10)}${'z'.repeat(16)}`)
  expect(newId('exe', 32, zeros)).toBe(`exe_0000000010${'0'.repeat(16)}`)
})

it('asks for 80 random bits', () => {
  const sizes: number[] = []
  newId('req', 0, (size) => {
    sizes.push(size)
    return zeros(size)
  })
  expect(sizes).toEqual([10])
})

const times = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) })
const bytes = fc.uint8Array({ minLength: 10, maxLength: 10 })

it('fits idSchema of its own prefix, at any time', () => {
  fc.assert(
    fc.property(times, bytes, (now, random) => {
      const id = newId('req', now, () => random)
      expect(idSchema('req').safeParse(id).success).toBe(true)
      expect(idSchema('exe').safeParse(id).success).toBe(false)
    }),
  )
})

it('sorts by time, whatever chance adds', () => {
  fc.assert(
    fc.property(times, times, bytes, bytes, (a, b, randomA, randomB) => {
      fc.pre(a < b)
      expect(newId('req', a, () => randomA) < newId('req', b, () => randomB)).toBe(true)
    }),
  )
})

it('keeps every random bit: other bytes make another id', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const same = Buffer.from(a).equals(Buffer.from(b))
      expect(newId('req', 1, () => a) === newId('req', 1, () => b)).toBe(same)
    }),
  )
})

it('a thousand of one millisecond are a thousand', () => {
  expect(new Set(Array.from({ length: 1000 }, () => newId('req', 1, randomBytes))).size).toBe(1000)
})

it.each([
  `req_${'0'.repeat(25)}`,
  `req_${'0'.repeat(27)}`,
  `req_${'0'.repeat(25)}A`,
  `req_${'0'.repeat(26)}\n`,
  ` req_${'0'.repeat(26)}`,
  `xreq_${'0'.repeat(26)}`,
  '',
])('%j is not an id', (text) => {
  expect(idSchema('req').safeParse(text).success).toBe(false)
})
