import { api, type Endpoint } from '@twinlock/contract'
import { startTestServer, submit, type TestServer } from '@twinlock/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

async function fetchDocument() {
  const response = await fetch(`${server.url}/openapi.json`)
  return { response, text: await response.text() }
}

type Content = { content: { 'application/json': { schema: object } } }
interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Content> }>>
  components: { schemas: Record<string, object> }
}

/** A reader made of a schema in the document alone. */
function reader(text: string, find: (document: Document) => object | undefined): z.ZodType {
  const document: Document = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/'))
  const schema = find(document)
  if (!schema) throw new Error('the document has no such schema')
  return z.fromJSONSchema({ ...schema, $defs: document.components.schemas } as Parameters<typeof z.fromJSONSchema>[0])
}

function answerReader(text: string, { method, status }: Endpoint, path: string): z.ZodType {
  return reader(
    text,
    ({ paths }) => paths[path]?.[method.toLowerCase()]?.responses[status ?? 200]?.content['application/json'].schema,
  )
}

it('anybody may read it: it is served without a token', async () => {
  const { response, text } = await fetchDocument()
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  expect(JSON.parse(text)).toMatchObject({ openapi: '3.1.0', info: { version: server.server.ctx.version } })
})

it('it says nothing about this server: no target, user, id or key', async () => {
  const { text } = await fetchDocument()
  const { serverId, signingKey } = server.server.ctx
  for (const secret of [serverId, signingKey.fingerprint, server.admin.token, server.agentToken, server.stateDir])
    expect(text).not.toContain(secret)
})

it('what the server answers is what it describes', async () => {
  const { text } = await fetchDocument()
  const { client, token } = server.admin
  await submit(client, 'select 1', 'app/production')
  const cases = [
    [api.requests.list, '/api/v1/requests'],
    [api.identity.me, '/api/v1/me'],
    [api.identity.listUsers, '/api/v1/users'],
    [api.system.jwks, '/.well-known/jwks.json'],
    [api.system.health, '/health'],
  ] as const
  for (const [endpoint, path] of cases) {
    const answer = await fetch(server.url + path, { headers: { authorization: `Bearer ${token}` } })
    const body = (await answer.json()) as object
    const schema = answerReader(text, endpoint, path)
    expect(schema.safeParse(body).error, path).toBeUndefined()
    expect(schema.safeParse({ ...body, gained: 1 }).success, path).toBe(true)
    expect(schema.safeParse({}).success, path).toBe(false)
  }
})

it('a refusal is the problem it describes', async () => {
  const { text } = await fetchDocument()
  const answer = await fetch(`${server.url}/api/v1/me`)
  const schema = reader(text, ({ components }) => components.schemas.Problem)
  expect(answer.status).toBe(401)
  expect(schema.safeParse(await answer.json()).error).toBeUndefined()
  expect(schema.safeParse({ title: 'x' }).success).toBe(false)
})
