import { Readable } from 'node:stream'
import { api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { idempotentRoute, route, streamRoute } from '../http/route.ts'
import type { UserCaller } from '../identity/caller.ts'
import { executeRequest } from '../requests/execute-request.ts'
import { readVisibleRequest } from '../requests/read-requests.ts'
import { openResult } from '../results/open-result.ts'
import { awaitEnd } from './await-end.ts'
import { cancelExecution } from './cancel-execution.ts'
import { listExecutionsOfRequest } from './execution-store.ts'
import { toExecutionView } from './execution-view.ts'
import { readVisibleExecution, type VisibleExecution } from './read-visible-execution.ts'
import { readWaiting } from './why-queued.ts'

export function executionRoutes(app: FastifyInstance, ctx: Context): void {
  idempotentRoute(app, ctx, api.requests.execute, {
    run: async ({ user, params, idempotency }) => ({ id: await executeRequest(ctx, user, params.id, idempotency) }),
    view: async ({ user }, { id }) => view(user, await readVisibleExecution(ctx.db.read, user, id)),
  })

  route(app, ctx, api.requests.executions, async ({ user, params }) => {
    const request = await readVisibleRequest(ctx.db.read, user, params.id)
    const executions = await listExecutionsOfRequest(ctx.db.read, request.id)
    return { items: await Promise.all(executions.map((execution) => view(user, { execution, request }))) }
  })

  route(app, ctx, api.executions.get, async ({ user, params, query, signal }) =>
    view(user, await awaitEnd(ctx, user, params.id, query.wait, signal)),
  )

  idempotentRoute(app, ctx, api.executions.cancel, {
    run: async ({ user, params, body, idempotency }) => ({
      id: await cancelExecution(ctx, user, params.id, body.reason, idempotency),
    }),
    view: async ({ user }, { id }) => view(user, await readVisibleExecution(ctx.db.read, user, id)),
  })

  streamRoute(app, ctx, api.executions.result, async ({ user, params, query, signal }) =>
    Readable.from(await openResult(ctx, user, params.id, query.from_chunk, signal)),
  )

  async function view(user: UserCaller, { execution, request }: Pick<VisibleExecution, 'execution' | 'request'>) {
    const audience = request.requesterId === user.id ? 'full' : 'no_values'
    return toExecutionView(execution, request.number, audience, await readWaiting(ctx, execution))
  }
}
