import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import vectors from '../vectors/work-order.json' with { type: 'json' }
import { encodeWorkOrder, instantSchema, parseWorkOrder, workOrderDigest, workOrderSchema } from './work-order.ts'

const accepted = vectors.accepted.map(({ order, ...rest }) => ({ ...rest, order: workOrderSchema.parse(order) }))
const [first] = accepted
if (first === undefined) throw new Error('no vectors')

describe('known answers', () => {
  test.each(accepted)('$name', ({ order, encoded, digest }) => {
    expect(encodeWorkOrder(order)).toBe(encoded)
    expect(workOrderDigest(encoded)).toBe(digest)
    expect(parseWorkOrder(encoded)).toEqual({ ok: true, payload: order })
  })

  test.each(vectors.refused)('$name is refused', ({ encoded }) => {
    expect(parseWorkOrder(encoded)).toMatchObject({ ok: false, why: 'malformed' })
  })
})

test('what is not an order is not encoded', () => {
  expect(() => encodeWorkOrder({ ...first.order, executor: '' })).toThrow('expected string to have >=1 characters')
  expect(() => encodeWorkOrder({ ...first.order, unknown: 0 } as never)).toThrow('Unrecognized key')
  expect(() => encodeWorkOrder({ ...first.order, requester: '\ud800' })).toThrow('has a lone surrogate')
})

test('a text with a raw lone surrogate has neither a digest nor a reading, though Node would encode it', () => {
  const raw = first.encoded.replace('UPDATE', '\ud800')
  expect(() => workOrderDigest(raw)).toThrow(TypeError)
  expect(parseWorkOrder(raw)).toMatchObject({ ok: false, why: 'malformed' })
})

test('a refusal repeats nothing of the order', () => {
  const secret = 'hunter2'
  const texts = [
    first.encoded.replace('{', `{"${secret}":0,`),
    first.encoded.replace('"dialect":"postgresql"', `"dialect":"${secret}"`),
    first.encoded.replace('"select"', `"${secret}"`),
    first.encoded.replace('"sql":', `"${secret}":0,"sql":`),
    `${secret}${first.encoded}`,
  ]
  for (const text of texts) {
    const read = parseWorkOrder(text)
    expect(read.ok).toBe(false)
    expect(JSON.stringify(read)).not.toContain(secret)
  }
})

test('SQL comes back as it was, character by character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (sql) => {
      const encoded = encodeWorkOrder({ ...first.order, statements: [{ sql, transactional: true }] })
      const read = parseWorkOrder(encoded)
      expect(read.ok && read.payload.statements[0]?.sql).toBe(sql)
    }),
  )
})

test('a text with any one character changed is refused or has another digest', () => {
  fc.assert(
    fc.property(fc.nat(first.encoded.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
      fc.pre(first.encoded[at] !== character)
      const changed = first.encoded.slice(0, at) + character + first.encoded.slice(at + 1)
      const isRefused = !changed.isWellFormed() || !parseWorkOrder(changed).ok
      expect(isRefused || workOrderDigest(changed) !== first.digest).toBe(true)
    }),
  )
})

test('an instant is what Date prints, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
      (date) => {
        expect(instantSchema.safeParse(date.toISOString()).success).toBe(true)
      },
    ),
  )
  const others = [
    '2026-02-29T00:00:00.000Z',
    '2026-01-01T24:00:00.000Z',
    '2026-99-99T99:99:99.999Z',
    '+002026-01-01T00:00:00.000Z',
  ]
  for (const other of others) expect(instantSchema.safeParse(other).success, other).toBe(false)
})
