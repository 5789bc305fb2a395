import { ALL_ENDPOINTS, API_BASE, api, type Endpoint, problemSchema } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

/** A JSON object of the document; OpenAPI 3.1 schemas are JSON Schema 2020-12. */
type Json = { [key: string]: unknown }

/** Views that stand in several answers, by the name a generated client gives them. */
const COMPONENTS = new Map<unknown, string>([
  [problemSchema, 'Problem'],
  [api.requests.get.response, 'Request'],
  [api.executions.get.response, 'Execution'],
  [api.identity.createUser.response, 'User'],
  [api.identity.createToken.response, 'Token'],
])

const PROBLEM = { $ref: '#/components/responses/Problem' }

/** Serves the description of the API. It reveals nothing but what the source does, so no token is asked for. */
export function openapiRoute(app: FastifyInstance, version: string): void {
  let text: string | undefined
  app.get('/openapi.json', async (_request, reply) => {
    text ??= JSON.stringify(openapiDocument(version))
    return reply.type('application/json').header('cache-control', 'no-cache').send(text)
  })
}

/** The OpenAPI 3.1 document of every endpoint there is. */
export function openapiDocument(version: string): Json {
  const paths: Record<string, Json> = {}
  for (const endpoint of ALL_ENDPOINTS) {
    const path = endpoint.base === false ? endpoint.path : API_BASE + endpoint.path
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: toOperation(endpoint) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Twinlock',
      version,
      summary: 'An approval gateway for production databases',
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(ALL_ENDPOINTS.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(
        [...COMPONENTS].map(([schema, name]) => [name, toJsonSchema(schema as z.ZodType, 'output', name)]),
      ),
      responses: {
        Problem: {
          description: 'What went wrong (RFC 9457). Branch on `code`; `hint` says what to do.',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: {
        userToken: { type: 'http', scheme: 'bearer', description: "A person's token, `twl_user_…`" },
        agentToken: { type: 'http', scheme: 'bearer', description: "An agent's token, `twl_agent_…`" },
      },
    },
  }
}

function tagOf(endpoint: Endpoint): string {
  return endpoint.name.split('.')[0] ?? endpoint.name
}

function toOperation(endpoint: Endpoint): Json {
  const body = toRequestBody(endpoint)
  return {
    operationId: endpoint.name,
    summary: endpoint.summary,
    ...toAccess(endpoint),
    tags: [tagOf(endpoint)],
    parameters: [
      ...toParameters('path', endpoint.params),
      ...toParameters('query', endpoint.query),
      ...(endpoint.idempotent ? [IDEMPOTENCY_KEY] : []),
    ],
    ...(body ? { requestBody: { required: true, content: body } } : {}),
    responses: { ...toAnswers(endpoint), default: PROBLEM },
  }
}

const IDEMPOTENCY_KEY: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'A repeated call with the same key and body changes nothing and gets the first answer; with another body it is a 409. Errors are not remembered.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,200}$' },
}

/** Who may call it: in words, for tools (`x-twinlock-permission`), and as the token it takes. */
function toAccess({ access }: Endpoint): Json {
  if (access === 'public') return { description: 'Takes no token.', security: [] }
  if (access === 'agent') return { description: "Takes an agent's token.", security: [{ agentToken: [] }] }
  return {
    description: `Needs the permission \`${access}\`.`,
    security: [{ userToken: [] }],
    'x-twinlock-permission': access,
  }
}

function toParameters(where: 'path' | 'query', schema: z.ZodType | undefined): Json[] {
  if (!schema) return []
  const { properties = {}, required = [] } = toJsonSchema(schema, 'input') as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }))
}

function toRequestBody(endpoint: Endpoint): Json | undefined {
  if (endpoint.rawBody) return { 'application/octet-stream': { schema: { maxLength: endpoint.rawBody.maxBytes } } }
  return endpoint.body && { 'application/json': { schema: toJsonSchema(endpoint.body, 'input') } }
}

function toAnswers(endpoint: Endpoint): Json {
  if (endpoint.response === null)
    return {
      200: {
        description: 'One JSON document a line',
        content: { 'application/x-ndjson': { schema: { type: 'string' } } },
      },
    }
  const content = { 'application/json': { schema: toJsonSchema(endpoint.response, 'output') } }
  if (endpoint.status !== 201) return { 200: { description: 'Done', content } }
  return {
    201: { description: 'Created', content },
    200: { description: 'Created before, by a call with this Idempotency-Key', content },
  }
}

/** `self` is the component that is being described: it is written out, others are referred to. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output', self?: string): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    override: ({ zodSchema, jsonSchema }) => {
      const component = COMPONENTS.get(zodSchema)
      if (component !== undefined && component !== self)
        replaceBy(jsonSchema, { $ref: `#/components/schemas/${component}` })
      // Answers may gain fields: what zod drops while reading is not forbidden.
      if (zodSchema._zod.def.type === 'object' && !('catchall' in zodSchema._zod.def))
        delete jsonSchema.additionalProperties
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern
    },
  })
  return json
}

function replaceBy(json: Json, other: Json): void {
  for (const key of Object.keys(json)) delete json[key]
  Object.assign(json, other)
}
