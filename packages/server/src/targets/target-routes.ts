import { api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { idempotentRoute, route } from '../http/route.ts'
import type { UserCaller } from '../identity/caller.ts'
import type { TargetName } from '../policies/workflow.ts'
import { pauseTarget } from './pause-target.ts'
import { readTarget, readTargets } from './read-targets.ts'
import { resumeTarget } from './resume-target.ts'
import { assertMayPause, visibleTargets } from './target-access.ts'
import { toTargetView } from './target-view.ts'

export function targetRoutes(app: FastifyInstance, ctx: Context): void {
  /** For a call that is repeated much later, too: who has no part in the target any more is not shown it. */
  const view = async (user: UserCaller, target: TargetName) => {
    assertMayPause(ctx, user, target)
    return toTargetView(ctx.config, await readTarget(ctx, target))
  }

  route(app, ctx, api.targets.list, async ({ user }) => ({
    items: (await readTargets(ctx, visibleTargets(ctx, user))).map((target) => toTargetView(ctx.config, target)),
  }))

  idempotentRoute(app, ctx, api.targets.pause, {
    run: async ({ user, params, body, idempotency }) => ({
      id: String(await pauseTarget(ctx, user, params, body, idempotency)),
    }),
    view: async ({ user, params }, { id }) => ({ target: await view(user, params), cancelled: Number(id) }),
  })

  idempotentRoute(app, ctx, api.targets.resume, {
    run: async ({ user, params, idempotency }) => ({ id: await resumeTarget(ctx, user, params, idempotency) }),
    view: async ({ user, params }) => view(user, params),
  })
}
