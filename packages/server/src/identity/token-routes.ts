import { api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { idempotentRoute, route } from '../http/route.ts'
import { createAgentToken, createUserToken } from './create-token.ts'
import { toTokenView } from './identity-view.ts'
import { listTokens } from './list-tokens.ts'
import { revokeToken, revokeTokensOf } from './revoke-tokens.ts'
import { getToken } from './token-store.ts'

export function tokenRoutes(app: FastifyInstance, ctx: Context): void {
  /** The secret is in the first answer alone: a repeated call shows the token without it. */
  const view = async (_: unknown, { id, secret }: { id: string; secret?: string }) =>
    toTokenView(ctx, await getToken(ctx.db.read, id), secret)

  idempotentRoute(app, ctx, api.identity.createToken, {
    run: async ({ user, body, idempotency }) => {
      const input = { user: body.user, label: body.label, expiresInS: body.expires_in_s }
      const { token, secret } = await createUserToken(ctx, user, input, idempotency)
      return { id: token.id, secret }
    },
    view,
  })
  idempotentRoute(app, ctx, api.identity.createAgentToken, {
    run: async ({ user, body, idempotency }) => {
      const input = { targets: body.targets, label: body.label, expiresInS: body.expires_in_s }
      const { token, secret } = await createAgentToken(ctx, user, input, idempotency)
      return { id: token.id, secret }
    },
    view,
  })
  idempotentRoute(app, ctx, api.identity.revokeToken, {
    run: async ({ user, params, idempotency }) => ({ id: await revokeToken(ctx, user, params.id, idempotency) }),
    view,
  })
  idempotentRoute(app, ctx, api.identity.revokeTokens, {
    run: async ({ user, params, idempotency }) => ({
      id: String(await revokeTokensOf(ctx, user, params.name, idempotency)),
    }),
    view: async (_, { id }) => ({ revoked: Number(id) }),
  })

  route(app, ctx, api.identity.listTokens, async ({ user, query }) => {
    const { items, nextCursor } = await listTokens(ctx, user, query)
    return { items: await Promise.all(items.map((token) => toTokenView(ctx, token))), next_cursor: nextCursor }
  })
}
