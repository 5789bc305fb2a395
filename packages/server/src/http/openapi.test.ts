import { ALL_ENDPOINTS, API_BASE, type Endpoint } from '@twinlock/contract'
import { describe, expect, it } from 'vitest'
import { openapiDocument } from './openapi.ts'

interface Parameter {
  name: string
  in: string
  required: boolean
  schema: object
}

interface Operation {
  operationId: string
  summary: string
  description: string
  security: Record<string, never[]>[]
  'x-twinlock-permission'?: string
  parameters: Parameter[]
  requestBody?: { required: boolean; content: Record<string, { schema: object }> }
  responses: Record<string, { $ref?: string; description?: string; content?: Record<string, { schema: object }> }>
}

const document = JSON.parse(JSON.stringify(openapiDocument('1.2.3')))
const operations = new Map<string, { path: string; method: string; operation: Operation }>()
for (const [path, item] of Object.entries<Record<string, Operation>>(document.paths))
  for (const [method, operation] of Object.entries(item))
    operations.set(operation.operationId, { path, method, operation })

const named = ALL_ENDPOINTS.map((endpoint) => [endpoint.name, endpoint] as const)

function operationOf(endpoint: Endpoint): Operation {
  const found = operations.get(endpoint.name)
  if (!found) throw new Error(`${endpoint.name} is not in the document`)
  return found.operation
}

/** Every object in the document, with the path to it. */
function* objectsIn(value: unknown, path: string): Generator<[string, Record<string, unknown>]> {
  if (value === null || typeof value !== 'object') return
  if (!Array.isArray(value)) yield [path, value as Record<string, unknown>]
  for (const [key, member] of Object.entries(value)) yield* objectsIn(member, `${path}/${key}`)
}

function resolve(ref: string): unknown {
  const keys = ref.replace(/^#\//, '').split('/')
  return keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document)
}

describe('the document', () => {
  it('says that it is OpenAPI 3.1, and has only the members that 3.1 knows', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Twinlock', version: '1.2.3' } })
    expect(Object.keys(document).sort()).toEqual(['components', 'info', 'openapi', 'paths', 'servers', 'tags'])
    expect(Object.keys(document.components).sort()).toEqual(['responses', 'schemas', 'securitySchemes'])
    for (const item of Object.values<object>(document.paths))
      expect(Object.keys(item).filter((key) => !['get', 'put', 'post', 'patch', 'delete'].includes(key))).toEqual([])
  })

  it('has every endpoint, and nothing else', () => {
    expect([...operations.keys()].sort()).toEqual(ALL_ENDPOINTS.map(({ name }) => name).sort())
    const listed = [...operations.values()].map(({ path, method }) => `${method} ${path}`)
    expect(listed).toHaveLength(ALL_ENDPOINTS.length)
    expect(listed.sort()).toEqual(
      ALL_ENDPOINTS.map(
        ({ method, path, base }) => `${method.toLowerCase()} ${base === false ? '' : API_BASE}${path}`,
      ).sort(),
    )
  })

  it('every reference leads somewhere, and stands alone', () => {
    const references = [...objectsIn(document, '#')].filter(([, value]) => '$ref' in value)
    expect(references.length).toBeGreaterThan(ALL_ENDPOINTS.length)
    for (const [path, value] of references) {
      expect(Object.keys(value), path).toEqual(['$ref'])
      expect(resolve(String(value.$ref)), `${path} -> ${value.$ref}`).toBeTypeOf('object')
    }
  })

  it('every component is used, and none is but a reference', () => {
    const used = new Set([...objectsIn(document, '#')].map(([, value]) => value.$ref))
    for (const kind of ['schemas', 'responses'])
      for (const [name, component] of Object.entries<object>(document.components[kind])) {
        expect(used, name).toContain(`#/components/${kind}/${name}`)
        expect(component, name).not.toHaveProperty('$ref')
      }
  })

  it('its schemas are JSON Schema 2020-12 as OpenAPI 3.1 has it, without leftovers of a generator', () => {
    const types = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']
    for (const [path, value] of objectsIn(document, '#')) {
      expect(value, path).not.toHaveProperty('$schema')
      expect(value, path).not.toHaveProperty('$defs')
      expect(value, path).not.toHaveProperty('nullable')
      if (path.endsWith('/properties') || !/\/(schema|schemas)\//.test(path)) continue
      if (value.type !== undefined)
        for (const type of [value.type].flat()) expect(types, `${path} ${type}`).toContain(type)
      if (Array.isArray(value.required))
        expect(Object.keys(value.properties ?? {}), path).toEqual(expect.arrayContaining(value.required))
    }
  })
})

describe('an operation', () => {
  it.each(named)(
    '%s declares each parameter of its path once, and all others as optional or required',
    (_, endpoint) => {
      const { parameters } = operationOf(endpoint)
      const inPath = parameters.filter((parameter) => parameter.in === 'path')
      expect(inPath.map(({ name }) => name).sort()).toEqual(
        [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort(),
      )
      expect(inPath.every(({ required }) => required)).toBe(true)
      expect(new Set(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).size).toBe(parameters.length)
      for (const parameter of parameters) {
        expect(['path', 'query', 'header']).toContain(parameter.in)
        expect(Object.keys(parameter.schema).length).toBeGreaterThan(0)
      }
    },
  )

  it.each(named)('%s says whose token it takes and which permission it needs', (_, endpoint) => {
    const { security, description, 'x-twinlock-permission': permission } = operationOf(endpoint)
    const isForUsers = endpoint.access !== 'public' && endpoint.access !== 'agent'
    expect(permission).toBe(isForUsers ? endpoint.access : undefined)
    if (isForUsers) expect(description).toContain(`\`${endpoint.access}\``)
    const scheme = { public: [], agent: [{ agentToken: [] }] }[endpoint.access as string] ?? [{ userToken: [] }]
    expect(security).toEqual(scheme)
    for (const name of security.flatMap(Object.keys)) expect(document.components.securitySchemes).toHaveProperty(name)
  })

  it.each(named)('%s has the body, the answers and the problems of its endpoint', (_, endpoint) => {
    const { requestBody, responses, parameters } = operationOf(endpoint)
    const wanted = endpoint.rawBody ? ['application/octet-stream'] : endpoint.body ? ['application/json'] : []
    expect(Object.keys(requestBody?.content ?? {})).toEqual(wanted)
    const success = responses[endpoint.status ?? 200]
    expect(Object.keys(success?.content ?? {})).toEqual([
      endpoint.response === null ? 'application/x-ndjson' : 'application/json',
    ])
    expect(responses.default).toEqual({ $ref: '#/components/responses/Problem' })
    const takesKey = parameters.some(({ name }) => name === 'Idempotency-Key')
    expect(takesKey).toBe(endpoint.idempotent ?? false)
  })

  it.each(named)('%s is strict where the server is, and leaves room where answers may grow', (_, endpoint) => {
    const { requestBody, responses } = operationOf(endpoint)
    const body = requestBody?.content['application/json']?.schema as { additionalProperties?: boolean } | undefined
    const isStrict = endpoint.body
      ?.safeParse({ 'no such field': 1 })
      .error?.issues.some((issue) => issue.code === 'unrecognized_keys')
    expect(body?.additionalProperties).toBe(isStrict ? false : undefined)
    const answer = responses[endpoint.status ?? 200]?.content?.['application/json']?.schema
    if (answer) expect(answer).not.toHaveProperty('additionalProperties')
  })
})
