import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import vectors from '../vectors/canonical-json.json' with { type: 'json' }
import { assertSignable, canonicalBytes, isSignable, MAX_DEPTH, type Signable, utf8 } from './canonical-json.ts'
import { digestOf } from './digest.ts'
import { parseCanonical } from './dsse.ts'

const anySignable = z.custom<Signable>(isSignable)
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')

const key = fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__')
const { signable } = fc.letrec<{ signable: Signable }>((tie) => ({
  signable: fc.oneof(
    { maxDepth: 5 },
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.array(tie('signable'), { maxLength: 5 }),
    fc.dictionary(key, tie('signable'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

describe('known answers', () => {
  test.each(vectors.accepted)('$name', ({ json, canonical, canonical_hex, sha256 }) => {
    const bytes = canonicalBytes(JSON.parse(json))
    expect(text(bytes)).toBe(canonical)
    expect(Buffer.from(bytes).toString('hex')).toBe(canonical_hex)
    expect(digestOf(bytes)).toBe(`sha256:${sha256}`)
    expect(parseCanonical(bytes, anySignable)).toEqual({ ok: true, payload: JSON.parse(json) })
  })

  test.each(vectors.refused_values)('a value is refused: $name', ({ json }) => {
    const value: unknown = JSON.parse(json)
    expect(() => assertSignable(value, '$')).toThrow(TypeError)
    expect(() => canonicalBytes(value as Signable)).toThrow(TypeError)
    expect(parseCanonical(Buffer.from(json), anySignable)).toMatchObject({ ok: false, why: 'malformed' })
  })

  test.each(vectors.refused_texts)('a text is refused: $name', ({ text }) => {
    expect(parseCanonical(Buffer.from(text), anySignable)).toMatchObject({ ok: false, why: 'malformed' })
  })

  test.each(vectors.refused_bytes)('bytes are refused: $name', ({ hex }) => {
    expect(parseCanonical(Buffer.from(hex, 'hex'), anySignable)).toMatchObject({ ok: false, why: 'malformed' })
  })
})

describe('values of JavaScript that JSON does not have', () => {
  const hidden = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'another value' })
  const array = Object.assign([1], { toJSON: () => 'another value' })
  const circular: unknown[] = []
  circular.push(circular)
  test.each([
    ['undefined', undefined],
    ['undefined in an object', { a: undefined }],
    ['a hole in an array', new Array(1)],
    ['a function', { a: () => 1 }],
    ['a symbol', Symbol('a')],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['a Buffer', Buffer.from('a')],
    ['a boxed number', Object(1)],
    ['an object without a prototype', Object.create(null)],
    ['an object of a class', new (class Order {})()],
    ['a toJSON that is not enumerable', hidden],
    ['a toJSON of an array', array],
    ['a circle', circular],
  ])('%s is refused', (_, value) => {
    expect(isSignable(value)).toBe(false)
    expect(() => canonicalBytes(value as Signable)).toThrow(TypeError)
  })

  test('a string called toJSON is data', () => {
    expect(text(canonicalBytes({ toJSON: 'x' }))).toBe('{"toJSON":"x"}')
  })

  test('the error names the path', () => {
    expect(() => assertSignable({ a: [{ b: 0.5 }] }, '$')).toThrow('$.a[0].b is not a safe integer')
  })
})

describe('properties', () => {
  test('what was encoded reads back as the same value', () => {
    fc.assert(
      fc.property(signable, (value) => {
        expect(parseCanonical(canonicalBytes(value), anySignable)).toEqual({ ok: true, payload: value })
      }),
    )
  })

  test('the order of keys never matters', () => {
    fc.assert(
      fc.property(signable, (value) => {
        expect(canonicalBytes(reversed(value))).toEqual(canonicalBytes(value))
      }),
    )
  })

  test('two values share their bytes only when they are equal', () => {
    fc.assert(
      fc.property(signable, signable, (a, b) => {
        expect(text(canonicalBytes(a)) === text(canonicalBytes(b))).toBe(equal(a, b))
      }),
    )
  })

  test('of all bytes only canonical ones are read', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(utf8)), (bytes) => {
        const read = parseCanonical(bytes, anySignable)
        if (read.ok) expect(Buffer.from(canonicalBytes(read.payload))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  test('depth up to the limit is signed, beyond it refused, whatever the mix of arrays and objects', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 2 * MAX_DEPTH }), (levels) => {
        const value = levels.reduce<Signable>((inner, isArray) => (isArray ? [inner] : { a: inner }), 0)
        expect(isSignable(value)).toBe(levels.length <= MAX_DEPTH)
      }),
    )
  })
})

test('text with a lone surrogate has no UTF-8 bytes', () => {
  expect(() => utf8('\ud800')).toThrow(TypeError)
  expect(utf8('\ufffd').toString('hex')).toBe('efbfbd')
})

function reversed(value: Signable): Signable {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(reversed)
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  )
}

function equal(a: unknown, b: unknown): boolean {
  try {
    expect(a).toStrictEqual(b)
    return true
  } catch {
    return false
  }
}
