import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ALL_ENDPOINTS, api } from './api.ts'
import { API_BASE, type Endpoint, endpointPath } from './endpoint.ts'
import { ERROR_CODES, EXECUTION_ERROR_CODES } from './error-codes.ts'

const named = ALL_ENDPOINTS.map((endpoint) => [endpoint.name, endpoint] as const)
const parametersIn = (path: string) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)

function keysOf(schema: z.ZodType | undefined): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

describe('every endpoint', () => {
  it('has a name, and a method and path, of its own', () => {
    expect(new Set(ALL_ENDPOINTS.map(({ name }) => name)).size).toBe(ALL_ENDPOINTS.length)
    const calls = ALL_ENDPOINTS.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`)
    expect(new Set(calls).size).toBe(calls.length)
  })

  it('is listed', () => {
    const inGroups = Object.values(api).flatMap((group) => Object.keys(group)).length
    expect(ALL_ENDPOINTS).toHaveLength(inGroups)
  })

  it.each(named)('%s is called noun.verb and summed up in a line', (_, endpoint) => {
    expect(endpoint.name).toMatch(/^[a-z_]+\.[a-z_]+$/)
    expect(endpoint.summary).toMatch(/^[A-Z][^\n]{5,120}[^.]$/)
  })

  it.each(named)('%s declares the parameters of its path, no more and no fewer', (_, endpoint) => {
    expect(keysOf(endpoint.params).sort()).toEqual(parametersIn(endpoint.path).sort())
  })

  it.each(named)('%s has a body only where its method has one', (_, endpoint) => {
    const hasBody = endpoint.body !== undefined || endpoint.rawBody !== undefined
    expect(hasBody).toBe(!['GET', 'DELETE'].includes(endpoint.method))
    expect(endpoint.body !== undefined && endpoint.rawBody !== undefined).toBe(false)
  })

  it.each(named)('%s takes an idempotency key exactly where a person changes something', (_, endpoint) => {
    const byPerson = endpoint.access !== 'agent' && endpoint.access !== 'public'
    expect(endpoint.idempotent ?? false).toBe(byPerson && endpoint.method !== 'GET')
  })

  it.each(named)('%s can be put into JSON Schema', (_, endpoint) => {
    for (const schema of [endpoint.params, endpoint.query, endpoint.body])
      if (schema) expect(z.toJSONSchema(schema, { io: 'input' })).toMatchObject({ type: 'object' })
    if (endpoint.response) expect(z.toJSONSchema(endpoint.response)).toMatchObject({ type: 'object' })
  })
})

describe('endpointPath', () => {
  const endpoint = { ...api.requests.get, path: '/a/{id}/{n}' } satisfies Endpoint

  it.each([
    [{ id: 'req_1', n: 7 }, '/a/req_1/7'],
    [{ id: '../../health', n: '?x#y' }, '/a/..%2F..%2Fhealth/%3Fx%23y'],
    [{ id: 'a b', n: 'ä%' }, '/a/a%20b/%C3%A4%25'],
    [{ id: '$&', n: '$1' }, '/a/%24%26/%241'],
  ])('%j becomes %s', (params, path) => {
    expect(endpointPath(endpoint, params)).toBe(API_BASE + path)
  })

  it('what stands outside the API has no base', () => {
    expect(endpointPath(api.system.health)).toBe('/health')
  })

  it.each([[{ id: 'a' }], [{ id: 'a', n: '' }], [{ id: '.', n: '1' }], [{ id: '..', n: '1' }]])(
    '%j makes no path: it would be that of another endpoint',
    (params) => {
      expect(() => endpointPath(endpoint, params)).toThrow(/^params\.(id|n): .* cannot stand in a path$/)
    },
  )
})

describe('error codes', () => {
  const entries = Object.entries(ERROR_CODES)
  const executionEntries = Object.entries(EXECUTION_ERROR_CODES)

  it('are snake_case', () => {
    const codes = [...entries, ...executionEntries].map(([code]) => code)
    expect(codes.filter((code) => !/^[a-z]+(_[a-z]+)*$/.test(code))).toEqual([])
  })

  it('have a status of HTTP that means an error', () => {
    expect(entries.filter(([, { status }]) => status < 400 || status > 599)).toEqual([])
  })

  it.each([...entries, ...executionEntries])('%s says what happened, and what to do in whole sentences', (_, entry) => {
    expect(entry.title).toMatch(/^[A-Z].*[^.]$/)
    if (entry.hint !== null) expect(entry.hint).toMatch(/^\S.*[^ :]$/)
  })
})
