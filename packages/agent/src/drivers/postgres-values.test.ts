import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decoderFor } from './postgres-values.ts'

const FLOAT8 = 701

test('a float is the same after JSON', () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      const text = Object.is(value, -0) ? '-0' : String(value)
      const decoded = JSON.parse(JSON.stringify(decoderFor(FLOAT8)(text)))
      expect(Number(decoded)).toBe(value)
    }),
  )
})

test('text of any type that is not listed is kept as it is', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1000, max: 100_000 }), (text, oid) => {
      expect(decoderFor(oid)(text)).toBe(text)
    }),
  )
})
