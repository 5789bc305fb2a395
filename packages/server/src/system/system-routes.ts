import { AppError, api } from '@twinlock/contract'
import { publicJwk } from '@twinlock/evidence'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { route } from '../http/route.ts'

export function systemRoutes(app: FastifyInstance, ctx: Context): void {
  route(app, ctx, api.system.health, async () => ({ status: 'ok' as const }))
  route(app, ctx, api.system.ready, async () => {
    if (ctx.drain.hasBegun) throw new AppError('not_ready', { detail: 'draining: the server is stopping' })
    try {
      await ctx.db.read.selectFrom('meta').select('key').limit(1).execute()
    } catch (error) {
      throw new AppError('not_ready', {}, error)
    }
    const problem = await ctx.findWriteProblem()
    if (problem) throw new AppError('not_ready', { detail: problem })
    return { status: 'ready' as const }
  })
  route(app, ctx, api.system.jwks, async () => ({ keys: [publicJwk(ctx.signingKey.publicKey)] }))
}
