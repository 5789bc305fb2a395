import { z } from 'zod'
import { idSchema, nameSchema, pageQuery, timeSchema } from './common.ts'
import { defineEndpoint } from './endpoint.ts'
import { PERMISSIONS, ROLE_NAMES } from './permissions.ts'

export const roleSchema = z.enum(ROLE_NAMES)

export const userViewSchema = z.object({ name: z.string(), roles: z.array(roleSchema), created_at: timeSchema })
export type UserView = z.infer<typeof userViewSchema>

/** A token as it can be shown; `token` itself is in the answer to its creation alone. */
export const tokenViewSchema = z.object({
  id: idSchema('tok'),
  kind: z.enum(['user', 'agent']),
  user: z.string().nullable(),
  /** The targets an agent's token is bound to, `app/production`; null for a user's. */
  targets: z.array(z.string()).nullable(),
  created_at: timeSchema,
  expires_at: timeSchema.nullable(),
  token: z.string().optional(),
})
export type TokenView = z.infer<typeof tokenViewSchema>

const expiresIn = z
  .number()
  .int()
  .positive()
  .max(10 * 365 * 86_400)
  .optional()

export const identityEndpoints = {
  me: defineEndpoint({
    name: 'me.get',
    method: 'GET',
    path: '/me',
    summary: 'Show who the caller is and what they may do',
    access: 'self:read',
    response: z.object({
      name: z.string(),
      roles: z.array(roleSchema),
      permissions: z.array(z.enum(PERMISSIONS)),
      token_expires_at: timeSchema.nullable(),
      server: z.object({ id: z.string(), version: z.string(), time: timeSchema }),
    }),
  }),
  createUser: defineEndpoint({
    name: 'users.create',
    method: 'POST',
    path: '/users',
    summary: 'Create a user',
    access: 'user:create',
    body: z.strictObject({ name: nameSchema, roles: z.array(roleSchema).min(1).max(ROLE_NAMES.length) }),
    status: 201,
    response: userViewSchema,
    idempotent: true,
  }),
  listUsers: defineEndpoint({
    name: 'users.list',
    method: 'GET',
    path: '/users',
    summary: 'List the users by name',
    access: 'user:read',
    query: z.strictObject(pageQuery),
    response: z.object({ items: z.array(userViewSchema), next_cursor: z.string().nullable() }),
  }),
  createToken: defineEndpoint({
    name: 'tokens.create',
    method: 'POST',
    path: '/tokens',
    summary: "Create a user's token; it is shown once",
    access: 'token:create',
    body: z.strictObject({ user: nameSchema, expires_in_s: expiresIn }),
    status: 201,
    response: tokenViewSchema,
    idempotent: true,
  }),
  createAgentToken: defineEndpoint({
    name: 'tokens.create_agent',
    method: 'POST',
    path: '/tokens/agent',
    summary: "Create an agent's token, bound to targets; it is shown once",
    access: 'agent_token:create',
    body: z.strictObject({
      targets: z
        .array(z.strictObject({ database: nameSchema, environment: nameSchema }))
        .min(1)
        .max(500),
      expires_in_s: expiresIn,
    }),
    status: 201,
    response: tokenViewSchema,
    idempotent: true,
  }),
}
