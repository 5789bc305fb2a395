import { AppError, api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { idempotentRoute, route } from '../http/route.ts'
import type { UserCaller } from '../identity/caller.ts'
import { cancelRequest } from './cancel-request.ts'
import { canSee, getVisibleRequest } from './request-access.ts'
import { getRequest, listRequestsBefore, type RequestRecord } from './request-store.ts'
import { toRequestView } from './request-view.ts'
import { reviewRequest } from './review-request.ts'
import { submitRequest } from './submit-request.ts'

export function requestRoutes(app: FastifyInstance, ctx: Context): void {
  const view = async (_: unknown, { id }: { id: string }) =>
    toRequestView(ctx.db.read, await getRequest(ctx.db.read, id))

  idempotentRoute(app, ctx, api.requests.create, {
    run: async ({ user, body, idempotency }) => ({ id: await submitRequest(ctx, user, body, idempotency) }),
    view,
  })
  idempotentRoute(app, ctx, api.requests.approve, {
    run: async ({ user, params, body, idempotency }) => ({
      id: await reviewRequest(ctx, user, params.id, 'approve', body, idempotency),
    }),
    view,
  })
  idempotentRoute(app, ctx, api.requests.reject, {
    run: async ({ user, params, body, idempotency }) => ({
      id: await reviewRequest(ctx, user, params.id, 'reject', body, idempotency),
    }),
    view,
  })
  idempotentRoute(app, ctx, api.requests.cancel, {
    run: async ({ user, params, idempotency }) => ({ id: await cancelRequest(ctx, user, params.id, idempotency) }),
    view,
  })

  route(app, ctx, api.requests.get, async ({ user, params, query, signal }) => {
    const { id } = await getVisibleRequest(ctx.db.read, user, params.id)
    const settled = await ctx.changes.waitFor([topicOf.request(id)], query.wait * 1000, signal, async () => {
      const request = await getRequest(ctx.db.read, id)
      return request.status === 'pending' ? undefined : request
    })
    return toRequestView(ctx.db.read, settled ?? (await getRequest(ctx.db.read, id)))
  })

  route(app, ctx, api.requests.list, async ({ user, query }) => listVisible(ctx, user, query))
}

/** Pages through the requests, leaving out those that are not for this person's eyes. */
async function listVisible(
  ctx: Context,
  user: UserCaller,
  query: { status?: RequestRecord['status'] | undefined; cursor?: string | undefined; limit: number },
) {
  if (query.cursor !== undefined && !/^\d{1,15}$/.test(query.cursor)) throw new AppError('invalid_cursor')
  const visible: RequestRecord[] = []
  let beforeNumber = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(query.cursor)
  while (visible.length <= query.limit) {
    const page = await listRequestsBefore(ctx.db.read, { beforeNumber, status: query.status }, 200)
    visible.push(...page.filter((request) => canSee(user, request)))
    beforeNumber = page.at(-1)?.number ?? 0
    if (page.length < 200) break
  }
  const items = visible.slice(0, query.limit)
  return {
    items: await Promise.all(items.map((request) => toRequestView(ctx.db.read, request))),
    next_cursor: visible.length > items.length ? String(items.at(-1)?.number) : null,
  }
}
