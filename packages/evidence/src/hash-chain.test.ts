import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import vectors from '../vectors/audit-chain.json' with { type: 'json' }
import { type AuditBody, type AuditRecord, auditBodySchema } from './audit-record.ts'
import {
  appendRecord,
  bodyHash,
  type ChainHead,
  EMPTY_CHAIN,
  recordHash,
  verifyChain,
  verifyRecord,
} from './hash-chain.ts'

const bodies = vectors.bodies.map((body) => auditBodySchema.parse(body))
const full = chainOf(bodies, vectors.salts)
const [firstBody] = bodies
const [salt] = vectors.salts
if (firstBody === undefined || salt === undefined) throw new Error('no vectors')

describe('known answers', () => {
  test('bodies and salts give the records, byte for byte', async () => {
    expect(full).toEqual(vectors.full.records)
    expect(await verifyChain(full)).toEqual({ ok: true, head: vectors.full.head })
  })

  test('a chain whose third body retention dropped verifies to the same head', async () => {
    expect(vectors.retained.records[2]).toMatchObject({ salt: null, body: null })
    expect(await verifyChain(vectors.retained.records)).toEqual({ ok: true, head: vectors.full.head })
  })

  test('a chain alone does not show that its tail was cut off: only the head tells', async () => {
    expect(await verifyChain(vectors.cut_off.records)).toEqual({ ok: true, head: vectors.cut_off.head })
    expect(vectors.cut_off.head).not.toEqual(vectors.full.head)
  })

  test.each(vectors.broken)('$name is found at $at', async ({ records, at }) => {
    expect(await verifyChain(records)).toMatchObject({ ok: false, at })
  })
})

describe('verification', () => {
  test('an empty chain is good', async () => {
    expect(await verifyChain([])).toEqual({ ok: true, head: { seq: 0, hash: vectors.genesis_hash } })
  })

  test('goes on from any head, over an async source too', async () => {
    async function* rest() {
      yield* vectors.retained.records.slice(3)
    }
    expect(await verifyChain(rest(), vectors.cut_off.head)).toEqual({ ok: true, head: vectors.full.head })
    expect(await verifyChain(rest(), { ...vectors.cut_off.head, hash: 'f'.repeat(64) })).toMatchObject({
      ok: false,
      at: 4,
    })
  })

  test('whatever stands in a record, the answer is a verdict', () => {
    const [record] = full
    const field = fc.constantFrom('v', 'seq', 'prev_hash', 'body_hash', 'hash', 'salt', 'body')
    fc.assert(
      fc.property(fc.anything(), field, (anything, name) => {
        expect(verifyRecord(EMPTY_CHAIN, anything).ok).toBe(false)
        fc.pre(anything !== record?.[name as keyof AuditRecord])
        expect(verifyRecord(EMPTY_CHAIN, { ...record, [name]: anything })).toMatchObject({ ok: false, at: 1 })
      }),
    )
  })

  test('a body with a lone surrogate is refused, though Node hashes it like one with U+FFFD', () => {
    const record = appendRecord(EMPTY_CHAIN, { ...firstBody, data: { a: '\ufffd' } }, salt)
    expect(verifyRecord(EMPTY_CHAIN, record).ok).toBe(true)
    const other = { ...record, body: record.body?.replace('\ufffd', '\ud800') }
    expect(verifyRecord(EMPTY_CHAIN, other)).toMatchObject({ ok: false, at: 1 })
  })

  test('a refusal repeats nothing of the body', () => {
    const body = full[0]?.body?.replace('{', '{"hunter2":0,') ?? ''
    const ofBody = bodyHash(salt, body)
    const record = { ...full[0], body, salt, body_hash: ofBody, hash: recordHash(1, EMPTY_CHAIN.hash, ofBody) }
    expect(verifyRecord(EMPTY_CHAIN, record)).toEqual({
      ok: false,
      at: 1,
      why: 'its body is not a v1 audit body (the value: has an unknown field)',
    })
  })
})

describe('properties', () => {
  const data = fc.dictionary(
    fc.string({ unit: 'binary' }).filter((key) => key !== '__proto__'),
    fc.oneof(fc.string({ unit: 'binary' }), fc.maxSafeInteger(), fc.boolean(), fc.constant(null)),
    { noNullPrototype: true, maxKeys: 4 },
  )
  const entry = fc.record({ data, salt: fc.uint8Array({ minLength: 32, maxLength: 32 }), isDropped: fc.boolean() })
  const chain = fc.array(entry, { minLength: 1, maxLength: 8 }).map((entries) =>
    chainOf(
      entries.map((one, i) => ({ ...firstBody, id: `evt_${i}`, data: one.data })),
      entries.map((one) => Buffer.from(one.salt).toString('hex')),
    ).map((record, i) => (entries[i]?.isDropped ? { ...record, salt: null, body: null } : record)),
  )

  test('what was appended verifies, whichever bodies were dropped', async () => {
    await fc.assert(
      fc.asyncProperty(chain, async (records) => {
        const last = records.at(-1)
        expect(await verifyChain(records)).toEqual({ ok: true, head: { seq: records.length, hash: last?.hash } })
      }),
    )
  })

  test('one changed character in any field of any record is found there', async () => {
    const field = fc.constantFrom('prev_hash', 'body_hash', 'hash', 'salt', 'body')
    await fc.assert(
      fc.asyncProperty(
        chain,
        fc.nat(),
        field,
        fc.nat(),
        fc.string({ minLength: 1, maxLength: 1 }),
        async (records, index, name, offset, to) => {
          const at = index % records.length
          const old = records[at]?.[name as keyof AuditRecord]
          fc.pre(typeof old === 'string')
          const position = offset % old.length
          fc.pre(old[position] !== to)
          const changed = old.slice(0, position) + to + old.slice(position + 1)
          const broken = records.map((record, i) => (i === at ? { ...record, [name]: changed } : record))
          expect(await verifyChain(broken)).toMatchObject({ ok: false, at: at + 1 })
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('a record removed from anywhere but the end is found there', async () => {
    await fc.assert(
      fc.asyncProperty(chain, fc.nat(), async (records, index) => {
        fc.pre(records.length > 1)
        const at = index % (records.length - 1)
        expect(await verifyChain(records.toSpliced(at, 1))).toMatchObject({ ok: false, at: at + 1 })
      }),
    )
  })

  test('two records in each other’s place are found at the first', async () => {
    await fc.assert(
      fc.asyncProperty(chain, fc.nat(), fc.nat(), async (records, a, b) => {
        const [first, second] = [a % records.length, b % records.length].sort((x, y) => x - y)
        const one = records[first ?? 0]
        const other = records[second ?? 0]
        fc.pre(one !== other && one !== undefined && other !== undefined)
        const swapped = records.map((record) => (record === one ? other : record === other ? one : record))
        expect(await verifyChain(swapped)).toMatchObject({ ok: false, at: one.seq })
      }),
    )
  })
})

describe('appending', () => {
  test('a salt that is not 32 bytes is refused: Node would hash without it', () => {
    const others = [
      '',
      'zz',
      'ab'.repeat(31),
      'ab'.repeat(33),
      'AB'.repeat(32),
      `${'ab'.repeat(31)}zz`,
      `${'ab'.repeat(32)}\n`,
    ]
    for (const other of others) expect(() => appendRecord(EMPTY_CHAIN, firstBody, other), other).toThrow(TypeError)
  })

  test('a body that cannot be signed is refused, and nothing of it dropped', () => {
    const append = (data: unknown) => () => appendRecord(EMPTY_CHAIN, { ...firstBody, data } as AuditBody, salt)
    expect(append({ a: 0.5 })).toThrow('is not an object of signable values')
    expect(append({ a: undefined })).toThrow('is not an object of signable values')
    expect(append({ a: new Date(0) })).toThrow('is not an object of signable values')
    expect(append(JSON.parse('{"__proto__":1}'))).toThrow('is not an object of signable values')
    expect(append({ a: JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) })).toThrow(
      'is not an object of signable values',
    )
    expect(append([])).toThrow('is not an object of signable values')
    expect(append({ constructor: 'x', toString: 'y' })).not.toThrow()
  })

  test('the same body with another salt has another hash: a dropped body cannot be guessed', () => {
    expect(bodyHash('00'.repeat(32), 'x')).not.toBe(bodyHash('01'.repeat(32), 'x'))
  })
})

function chainOf(of: readonly AuditBody[], salts: readonly string[]): AuditRecord[] {
  let head: ChainHead = EMPTY_CHAIN
  return of.map((body, i) => {
    const record = appendRecord(head, body, salts[i] ?? '')
    head = { seq: record.seq, hash: record.hash }
    return record
  })
}
