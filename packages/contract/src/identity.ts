import { z } from 'zod'
import { idSchema, nameSchema, pageQuery, textSchema, timeSchema } from './common.ts'
import { defineEndpoint } from './endpoint.ts'
import { PERMISSIONS, parseRoleAssignment, ROLE_NAMES } from './permissions.ts'

export const roleSchema = z.enum(ROLE_NAMES)

/** A role in writing: `developer` for every target, `developer@app/production` or `developer@app/*` for some. */
const roleAssignmentTextSchema = z
  .string()
  .refine(
    (text) => parseRoleAssignment(text) !== undefined,
    `must be one of ${ROLE_NAMES.join(', ')}, alone or for targets, like developer@app/production or developer@app/*`,
  )

const userStatusSchema = z.enum(['active', 'suspended', 'removed'])
export type UserStatus = z.infer<typeof userStatusSchema>

const userViewSchema = z.object({
  name: z.string(),
  status: userStatusSchema,
  roles: z.array(z.string()),
  /** Who suspended them, and why; null when they are not. */
  suspended: z.object({ by: z.string(), at: timeSchema, reason: z.string().nullable() }).nullable(),
  created_at: timeSchema,
  /** When a token of theirs was last used, to the hour; null when never. */
  last_seen_at: timeSchema.nullable(),
})
export type UserView = z.infer<typeof userViewSchema>

/** A token as it can be shown; `token` itself is in the answer to its creation alone. */
const tokenViewSchema = z.object({
  id: idSchema('tok'),
  kind: z.enum(['user', 'agent']),
  user: z.string().nullable(),
  /** What its maker called it. */
  label: z.string().nullable(),
  /** The targets an agent's token is bound to, `app/production`; null for a user's. */
  targets: z.array(z.string()).nullable(),
  created_at: timeSchema,
  expires_at: timeSchema.nullable(),
  revoked_at: timeSchema.nullable(),
  /** To the hour; null when never. */
  last_used_at: timeSchema.nullable(),
  token: z.string().optional(),
})
export type TokenView = z.infer<typeof tokenViewSchema>

const expiresIn = z
  .number()
  .int()
  .positive()
  .max(10 * 365 * 86_400)
  .optional()
const labelSchema = textSchema(100).optional()
const reasonSchema = textSchema(4000).optional()
const rolesSchema = z.array(roleAssignmentTextSchema).min(1).max(100)
const userParams = z.strictObject({ name: nameSchema })

export const identityEndpoints = {
  me: defineEndpoint({
    name: 'me.get',
    method: 'GET',
    path: '/me',
    summary: 'Show who the caller is and what they may do',
    access: 'self:read',
    response: z.object({
      name: z.string(),
      roles: z.array(z.string()),
      permissions: z.array(z.enum(PERMISSIONS)),
      token_expires_at: timeSchema.nullable(),
      server: z.object({ id: z.string(), version: z.string(), time: timeSchema }),
    }),
  }),
  listRoles: defineEndpoint({
    name: 'roles.list',
    method: 'GET',
    path: '/roles',
    summary: 'List the roles and what each may do',
    access: 'self:read',
    response: z.object({ items: z.array(z.object({ name: roleSchema, permissions: z.array(z.enum(PERMISSIONS)) })) }),
  }),
  createUser: defineEndpoint({
    name: 'users.create',
    method: 'POST',
    path: '/users',
    summary: 'Create a user',
    access: 'user:create',
    body: z.strictObject({ name: nameSchema, roles: rolesSchema }),
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
    query: z.strictObject({ status: userStatusSchema.optional(), ...pageQuery }),
    response: z.object({ items: z.array(userViewSchema), next_cursor: z.string().nullable() }),
  }),
  getUser: defineEndpoint({
    name: 'users.get',
    method: 'GET',
    path: '/users/{name}',
    summary: 'Show a user',
    access: 'user:read',
    params: userParams,
    response: userViewSchema,
  }),
  updateUser: defineEndpoint({
    name: 'users.update',
    method: 'PATCH',
    path: '/users/{name}',
    summary: "Replace a user's roles",
    access: 'user:update',
    params: userParams,
    body: z.strictObject({ roles: rolesSchema }),
    response: userViewSchema,
    idempotent: true,
  }),
  suspendUser: defineEndpoint({
    name: 'users.suspend',
    method: 'POST',
    path: '/users/{name}/suspend',
    summary: 'Suspend a user: their tokens do not work and their open requests are frozen until they are activated',
    access: 'user:suspend',
    params: userParams,
    body: z.strictObject({ reason: reasonSchema }),
    response: userViewSchema,
    idempotent: true,
  }),
  activateUser: defineEndpoint({
    name: 'users.activate',
    method: 'POST',
    path: '/users/{name}/activate',
    summary: 'Activate a suspended user',
    access: 'user:suspend',
    params: userParams,
    body: z.strictObject({}),
    response: userViewSchema,
    idempotent: true,
  }),
  removeUser: defineEndpoint({
    name: 'users.remove',
    method: 'DELETE',
    path: '/users/{name}',
    summary: 'Remove a user for good: tokens are revoked, open requests withdrawn; the name is not given again',
    access: 'user:remove',
    params: userParams,
    response: userViewSchema,
    idempotent: true,
  }),
  createToken: defineEndpoint({
    name: 'tokens.create',
    method: 'POST',
    path: '/tokens',
    summary: "Create a user's token; it is shown once",
    access: 'token:create',
    body: z.strictObject({ user: nameSchema, label: labelSchema, expires_in_s: expiresIn }),
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
      label: labelSchema,
      expires_in_s: expiresIn,
    }),
    status: 201,
    response: tokenViewSchema,
    idempotent: true,
  }),
  listTokens: defineEndpoint({
    name: 'tokens.list',
    method: 'GET',
    path: '/tokens',
    summary: "List tokens, newest first: one's own, or with token:read everybody's and the agents'",
    access: 'token:read_own',
    query: z.strictObject({
      /** Somebody's; without it one's own, unless `all`. */
      user: nameSchema.optional(),
      all: z.enum(['true', 'false']).optional(),
      kind: z.enum(['user', 'agent']).optional(),
      ...pageQuery,
    }),
    response: z.object({ items: z.array(tokenViewSchema), next_cursor: z.string().nullable() }),
  }),
  revokeToken: defineEndpoint({
    name: 'tokens.revoke',
    method: 'DELETE',
    path: '/tokens/{id}',
    summary: "Revoke a token: one's own, or with token:revoke anybody's",
    access: 'token:revoke_own',
    params: z.strictObject({ id: idSchema('tok') }),
    response: tokenViewSchema,
    idempotent: true,
  }),
  revokeTokens: defineEndpoint({
    name: 'tokens.revoke_all',
    method: 'POST',
    path: '/users/{name}/revoke-tokens',
    summary: 'Revoke every token of a user',
    access: 'token:revoke_own',
    params: userParams,
    body: z.strictObject({}),
    response: z.object({ revoked: z.number().int().nonnegative() }),
    idempotent: true,
  }),
}
