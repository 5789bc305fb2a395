import { readFileSync } from 'node:fs'
import { readConfig } from '@twinlock/contract/config'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { fileSchema as agentSchema, readAgentConfig } from '../packages/agent/src/config.ts'
import { userConfigSchema as cliSchema } from '../packages/cli/src/config/config-schema.ts'
import { readServerConfig, fileSchema as serverSchema } from '../packages/server/src/config.ts'

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
}

/** Dotted, with a star for what the file's author names. */
function keysOf(schema: JsonSchema, path = ''): string[] {
  if (schema.items) return keysOf(schema.items, path)
  if (typeof schema.additionalProperties === 'object') return keysOf(schema.additionalProperties, `${path}.*`)
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const key = path === '' ? name : `${path}.${name}`
    return [key, ...keysOf(inner, key)]
  })
}

const readPage = (name: string) => readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8')
const exampleOf = (page: string) => /^```toml\n(.*?)^```/ms.exec(page)?.[1] ?? ''

describe.each([
  ['configuration.md', serverSchema],
  ['agent.md', agentSchema],
  ['cli-configuration.md', cliSchema],
])('docs/%s', (name, schema) => {
  it('has a line for every key that is read, and for no other', () => {
    const rows = readPage(name).matchAll(/^\| `([a-z_.*]+)` /gm)
    const read = keysOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema)
    expect([...rows].map(([, key]) => key).sort()).toEqual(read.sort())
  })
})

const readNoFile = (path: string): string => {
  throw new Error(`${path} is not there`)
}

describe('the examples', () => {
  it('of the server is a configuration', () => {
    const text = exampleOf(readPage('configuration.md'))
    expect(readServerConfig({ text, env: {}, readFile: readNoFile })).toMatchObject({ ok: true })
  })

  it('of the agent is a configuration', () => {
    const text = exampleOf(readPage('agent.md'))
    const url = 'postgres://twinlock@127.0.0.1/app'
    const env = { TWINLOCK_AGENT_TOKEN: `twl_agent_${'0'.repeat(64)}`, DATABASE_URL: url, DATABASE_URL_RO: url }
    expect(readAgentConfig({ text, env, readFile: readNoFile })).toMatchObject({ ok: true })
  })

  it('of the command line is a configuration', () => {
    const text = exampleOf(readPage('cli-configuration.md'))
    const readFile = () => `twl_user_${'0'.repeat(64)}`
    expect(readConfig({ text, env: {}, readFile, overridable: [] }, cliSchema)).toMatchObject({ ok: true })
  })
})
