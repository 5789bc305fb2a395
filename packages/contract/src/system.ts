import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'

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
