import { api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { idempotentRoute, route } from '../http/route.ts'
import type { UserCaller } from '../identity/caller.ts'
import { awaitDecision } from './await-decision.ts'
import { cancelRequest } from './cancel-request.ts'
import { commentRequest } from './comment-request.ts'
import { listRequests } from './list-requests.ts'
import { getVisibleRequest } from './request-access.ts'
import { toRequestView, toRequestViews } from './request-view.ts'
import { reviewRequest } from './review-request.ts'
import { submitRequest } from './submit-request.ts'

export function requestRoutes(app: FastifyInstance, ctx: Context): void {
  /** For a call that is repeated much later, too: who does not see the request any more is not shown it. */
  const view = async ({ user }: { user: UserCaller }, { id }: { id: string }) =>
    toRequestView(ctx.db.read, await getVisibleRequest(ctx.db.read, user, id))

  idempotentRoute(app, ctx, api.requests.create, {
    run: async ({ user, body, signal, idempotency }) => ({
      id: await submitRequest(ctx, user, body, signal, idempotency),
    }),
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
  idempotentRoute(app, ctx, api.requests.comment, {
    run: async ({ user, params, body, idempotency }) => ({
      id: await commentRequest(ctx, user, params.id, body.text, idempotency),
    }),
    view,
  })
  idempotentRoute(app, ctx, api.requests.cancel, {
    run: async ({ user, params, body, idempotency }) => ({
      id: await cancelRequest(ctx, user, params.id, body, idempotency),
    }),
    view,
  })

  route(app, ctx, api.requests.get, async ({ user, params, query, signal }) =>
    toRequestView(ctx.db.read, await awaitDecision(ctx, user, params.id, query.wait, signal)),
  )

  route(app, ctx, api.requests.list, async ({ user, query, signal }) =>
    listRequests(ctx, user, query, signal, (requests, people) => toRequestViews(ctx.db.read, requests, people)),
  )
}
