import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { fileSchema } from '../src/config.ts'

const PAGE = new URL('../../../docs/configuration.md', import.meta.url)

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
}

function keysOf(schema: JsonSchema, path = ''): string[] {
  if (schema.items) return keysOf(schema.items, path)
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const key = path === '' ? name : `${path}.${name}`
    return [key, ...keysOf(inner, key)]
  })
}

describe('docs/configuration.md', () => {
  it('has a line for every key that the server reads, and for no other', () => {
    const rows = readFileSync(PAGE, 'utf8').matchAll(/^\| `([a-z_.]+)` /gm)
    const read = keysOf(z.toJSONSchema(fileSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema)
    expect([...rows].map(([, key]) => key).sort()).toEqual(read.sort())
  })
})
