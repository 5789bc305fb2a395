import { z } from 'zod'
import { nameSchema, pageQuery, timeSchema, waitSchema } from './common.ts'
import { defineEndpoint } from './endpoint.ts'

const auditEventViewSchema = z.object({
  seq: z.number().int().positive(),
  id: z.string(),
  type: z.string(),
  at: timeSchema,
  actor: z.object({ type: z.string(), id: z.string() }),
  subject: z.object({ type: z.string(), id: z.string() }).nullable(),
  data: z.record(z.string(), z.unknown()),
  /** Of the record, hexadecimal: what the chain is made of. */
  hash: z.string(),
})
export type AuditEventView = z.infer<typeof auditEventViewSchema>

export const auditEndpoints = {
  export: defineEndpoint({
    name: 'audit.export',
    method: 'GET',
    path: '/audit/export',
    summary: 'Stream the audit log as NDJSON, one v1 audit record a line, oldest first',
    access: 'audit:read',
    query: z.strictObject({ after: z.coerce.number().int().nonnegative().default(0) }),
    response: null,
  }),
  events: defineEndpoint({
    name: 'audit.events',
    method: 'GET',
    path: '/audit/events',
    summary: 'List audit events, newest first; with after, the ones that followed, oldest first',
    access: 'audit:read',
    query: z.strictObject({
      /** Exact, or a prefix that ends with a dot: `execution.`. */
      type: z
        .string()
        .regex(/^[a-z_]+\.([a-z_]+)?$/)
        .optional(),
      /** Somebody's name, an agent's id, or `server`. */
      actor: nameSchema.optional(),
      /** The id of what it is about. A request's id or number: it and its executions. */
      subject: z.string().max(100).optional(),
      since: timeSchema.optional(),
      until: timeSchema.optional(),
      /** A sequence number: events that came after it, oldest first. */
      after: z.coerce.number().int().nonnegative().optional(),
      wait: waitSchema,
      ...pageQuery,
    }),
    response: z.object({
      /** Fewer than asked for, even none, where much had to be looked at: go on with the cursor. */
      items: z.array(auditEventViewSchema),
      /** null at the end of the log. With `after` always: how far the log has been looked at, to go on from. */
      next_cursor: z.string().nullable(),
    }),
  }),
}

export const systemEndpoints = {
  health: defineEndpoint({
    name: 'system.health',
    method: 'GET',
    path: '/health',
    base: false,
    summary: 'Answers while the process lives',
    access: 'public',
    response: z.object({ status: z.literal('ok') }),
  }),
  ready: defineEndpoint({
    name: 'system.ready',
    method: 'GET',
    path: '/ready',
    base: false,
    summary: 'Answers 200 when the store can be reached, 503 otherwise',
    access: 'public',
    response: z.object({ status: z.literal('ready') }),
  }),
  jwks: defineEndpoint({
    name: 'system.jwks',
    method: 'GET',
    path: '/.well-known/jwks.json',
    base: false,
    summary: "The server's public signing key; agents compare it with the fingerprint in their token",
    access: 'public',
    response: z.object({
      keys: z.array(
        z.object({
          kty: z.literal('OKP'),
          crv: z.literal('Ed25519'),
          x: z.string(),
          kid: z.string(),
          use: z.string().optional(),
          alg: z.string().optional(),
        }),
      ),
    }),
  }),
}
