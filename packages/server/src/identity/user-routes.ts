import { AppError, api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { idempotentRoute, route } from '../http/route.ts'
import { activateUser, removeUser, suspendUser, updateUser } from './change-user.ts'
import { createUser } from './create-user.ts'
import { toUserView, toUserViews } from './identity-view.ts'
import { findUserByName, getUser, listUsersAfter } from './user-store.ts'

export function userRoutes(app: FastifyInstance, ctx: Context): void {
  const view = async (_: unknown, { id }: { id: string }) => toUserView(ctx, await getUser(ctx.db.read, id))

  idempotentRoute(app, ctx, api.identity.createUser, {
    run: async ({ user, body, idempotency }) => ({ id: (await createUser(ctx, user, body, idempotency)).id }),
    view,
  })
  idempotentRoute(app, ctx, api.identity.updateUser, {
    run: async ({ user, params, body, idempotency }) => ({
      id: await updateUser(ctx, user, params.name, body, idempotency),
    }),
    view,
  })
  idempotentRoute(app, ctx, api.identity.suspendUser, {
    run: async ({ user, params, body, idempotency }) => ({
      id: await suspendUser(ctx, user, params.name, body, idempotency),
    }),
    view,
  })
  idempotentRoute(app, ctx, api.identity.activateUser, {
    run: async ({ user, params, idempotency }) => ({ id: await activateUser(ctx, user, params.name, idempotency) }),
    view,
  })
  idempotentRoute(app, ctx, api.identity.removeUser, {
    run: async ({ user, params, idempotency }) => ({ id: await removeUser(ctx, user, params.name, idempotency) }),
    view,
  })

  route(app, ctx, api.identity.getUser, async ({ params }) => {
    const user = await findUserByName(ctx.db.read, params.name)
    if (!user) throw new AppError('user_not_found', { detail: `there is no user ${params.name}` })
    return toUserView(ctx, user)
  })

  route(app, ctx, api.identity.listUsers, async ({ query }) => {
    const { cursor, limit, status } = query
    const users = await listUsersAfter(ctx.db.read, { after: cursor ?? '', status }, limit + 1)
    const page = users.slice(0, limit)
    const last = users.length > page.length ? page.at(-1) : undefined
    return { items: await toUserViews(ctx, page), next_cursor: last?.name ?? null }
  })
}
