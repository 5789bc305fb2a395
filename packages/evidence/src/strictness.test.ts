import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import chain from '../vectors/audit-chain.json' with { type: 'json' }
import envelopes from '../vectors/envelopes.json' with { type: 'json' }
import orders from '../vectors/work-order.json' with { type: 'json' }
import { auditBodySchema, auditRecordSchema } from './audit-record.ts'
import { envelopeSchema } from './dsse.ts'
import { executionTokenSchema, probeTokenSchema } from './execution-token.ts'
import { workOrderSchema } from './work-order.ts'

type Path = readonly (string | number)[]

const samples: readonly [string, z.ZodType, unknown, (path: Path) => boolean][] = [
  ['work order', workOrderSchema, orders.accepted[1]?.order, () => false],
  ['execution token', executionTokenSchema, envelopes.accepted[0]?.payload, () => false],
  ['probe token', probeTokenSchema, envelopes.accepted[1]?.payload, () => false],
  ['envelope', envelopeSchema, envelopes.accepted[0]?.envelope, () => false],
  ['audit record', auditRecordSchema, chain.full.records[0], () => false],
  ['audit body', auditBodySchema, chain.bodies[3], (path) => path[0] === 'data'],
]

describe.each(samples)('%s', (_, schema, sample, isFree) => {
  const strict = objectsOf(sample).filter((path) => !isFree(path))

  test('the sample fits', () => {
    expect(schema.safeParse(sample).success).toBe(true)
    expect(strict.length).toBeGreaterThan(0)
  })

  test('an unknown field is refused at every level, whatever it is called', () => {
    for (const path of strict) {
      for (const name of ['unknown', 'constructor', 'toString', 'hasOwnProperty', ''])
        expect(
          schema.safeParse(edit(sample, path, (object) => ({ ...object, [name]: null }))).success,
          `${path} ${name}`,
        ).toBe(false)
    }
  })

  test('a missing field is refused at every level', () => {
    for (const path of strict) {
      const object = at(sample, path)
      for (const name of Object.keys(object)) {
        const without = edit(sample, path, (of) =>
          Object.fromEntries(Object.entries(of).filter(([key]) => key !== name)),
        )
        expect(schema.safeParse(without).success, `${path} ${name}`).toBe(false)
      }
    }
  })

  test('a field of another type is refused at every level', () => {
    for (const path of strict) {
      for (const name of Object.keys(at(sample, path)))
        for (const wrong of [undefined, 0.5, Number.NaN, {}, { 0: 'a', length: 1 }])
          if (!isFree([...path, name]))
            expect(
              schema.safeParse(edit(sample, path, (of) => ({ ...of, [name]: wrong }))).success,
              `${path} ${name}`,
            ).toBe(false)
    }
  })

  test('a field that is inherited instead of owned does not survive parsing with Object.prototype untouched', () => {
    const parsed = schema.safeParse(JSON.parse(`{"__proto__":${JSON.stringify(sample)}}`))
    expect(parsed.success).toBe(false)
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

function objectsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.entries(value).flatMap(([key, member]) =>
    objectsOf(member, [...path, Array.isArray(value) ? Number(key) : key]),
  )
  return Array.isArray(value) ? inner : [path, ...inner]
}

function at(value: unknown, path: Path): object {
  const found = path.reduce<unknown>((of, key) => (of as Record<string | number, unknown>)[key], value)
  if (typeof found !== 'object' || found === null) throw new TypeError(`no object at ${path.join('.')}`)
  return found
}

function edit(value: unknown, path: Path, change: (object: object) => object): unknown {
  const [key, ...rest] = path
  if (key === undefined) return change(at(value, []))
  if (Array.isArray(value)) return value.map((item, i) => (i === key ? edit(item, rest, change) : item))
  const object = at(value, [])
  return { ...object, [key]: edit((object as Record<string, unknown>)[key], rest, change) }
}
