import { api, can, formatRoleAssignment, PERMISSIONS } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import { idempotentRoute, route } from '../http/route.ts'
import { configuredTargets } from '../policies/targets.ts'
import { actorOf } from './caller.ts'
import { createAgentToken, createUserToken } from './create-token.ts'
import { createUser } from './create-user.ts'
import { findUserById, getToken, listUsersByName } from './identity-store.ts'
import { toTokenView, toUserView } from './identity-view.ts'
import { readPersonName } from './people.ts'

export function identityRoutes(app: FastifyInstance, ctx: Context): void {
  route(app, ctx, api.identity.me, async ({ user }) => ({
    name: user.name,
    roles: user.roles.map(formatRoleAssignment),
    permissions: PERMISSIONS.filter((permission) => can(user.roles, permission)),
    token_expires_at: user.tokenExpiresAt === null ? null : toInstant(user.tokenExpiresAt),
    server: { id: ctx.serverId, version: ctx.version, time: toInstant(ctx.clock.now()) },
  }))

  idempotentRoute(app, ctx, api.identity.createUser, {
    run: async ({ user, body, idempotency }) => ({ id: (await createUser(ctx, actorOf(user), body, idempotency)).id }),
    view: async (_, { id }) => {
      const user = await findUserById(ctx.db.read, id)
      if (!user) throw new Error(`user ${id} is gone`)
      return toUserView(user)
    },
  })

  route(app, ctx, api.identity.listUsers, async ({ query }) => {
    const users = await listUsersByName(ctx.db.read, query.cursor ?? '', query.limit + 1)
    const page = users.slice(0, query.limit)
    return { items: page.map(toUserView), next_cursor: users.length > page.length ? (page.at(-1)?.name ?? null) : null }
  })

  idempotentRoute(app, ctx, api.identity.createToken, {
    run: async ({ user, body, idempotency }) => {
      const input = { user: body.user, label: body.label, expiresInS: body.expires_in_s }
      const { token, secret } = await createUserToken(ctx, actorOf(user), input, idempotency)
      return { id: token.id, secret }
    },
    view: async (_, created) => viewToken(ctx, created),
  })

  idempotentRoute(app, ctx, api.identity.createAgentToken, {
    run: async ({ user, body, idempotency }) => {
      const input = { targets: body.targets, label: body.label, expiresInS: body.expires_in_s }
      const { token, secret } = await createAgentToken(ctx, actorOf(user), input, idempotency)
      return { id: token.id, secret }
    },
    view: async (_, created) => viewToken(ctx, created),
  })
}

/** The secret is in the first answer alone: a repeated call shows the token without it. */
async function viewToken(ctx: Context, created: { id: string; secret?: string }) {
  const token = await getToken(ctx.db.read, created.id)
  const userName = token.userId === null ? null : await readPersonName(ctx.db.read, token.userId)
  const view = toTokenView(token, userName, configuredTargets(ctx.config))
  return created.secret === undefined ? view : { ...view, token: created.secret }
}
