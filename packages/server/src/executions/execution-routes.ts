import { Readable } from 'node:stream'
import { AppError, api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { idempotentRoute, route, streamRoute } from '../http/route.ts'
import type { UserCaller } from '../identity/caller.ts'
import { executeRequest } from '../requests/execute-request.ts'
import { readVisibleRequest, type VisibleRequest } from '../requests/read-requests.ts'
import { streamResult } from '../results/stream-result.ts'
import { isEnded } from './execution-state.ts'
import { type ExecutionRecord, findExecution, getExecution, listExecutionsOfRequest } from './execution-store.ts'
import { toExecutionView } from './execution-view.ts'

export function executionRoutes(app: FastifyInstance, ctx: Context): void {
  idempotentRoute(app, ctx, api.requests.execute, {
    run: async ({ user, params, idempotency }) => ({ id: await executeRequest(ctx, user, params.id, idempotency) }),
    view: async ({ user }, { id }) => view(user, await getVisibleExecution(ctx, user, id)),
  })

  route(app, ctx, api.requests.executions, async ({ user, params }) => {
    const request = await readVisibleRequest(ctx.db.read, user, params.id)
    const executions = await listExecutionsOfRequest(ctx.db.read, request.id)
    return { items: executions.map((execution) => view(user, { execution, request })) }
  })

  route(app, ctx, api.executions.get, async ({ user, params, query, signal }) => {
    const { execution, request } = await getVisibleExecution(ctx, user, params.id)
    const ended = await ctx.changes.waitFor([topicOf.execution(execution.id)], query.wait * 1000, signal, async () => {
      const now = await getExecution(ctx.db.read, execution.id)
      return isEnded(now.status) || now.status === 'lost' ? now : undefined
    })
    return view(user, { execution: ended ?? (await getExecution(ctx.db.read, execution.id)), request })
  })

  streamRoute(app, ctx, api.executions.result, async ({ user, params, query, signal }) => {
    const { execution, request } = await getVisibleExecution(ctx, user, params.id)
    // Rows are for the requester alone, whoever else may see the request.
    if (request.requesterId !== user.id)
      throw new AppError('not_requester', { detail: 'the result is for its requester alone' })
    if (isEnded(execution.status) && execution.result === 'none') throw new AppError('result_not_available')
    return Readable.from(streamResult(ctx, execution.id, query.from_chunk, signal))
  })
}

async function getVisibleExecution(ctx: Context, user: UserCaller, id: string) {
  const execution = await findExecution(ctx.db.read, id)
  const request = execution && (await readVisibleRequest(ctx.db.read, user, execution.requestId).catch(() => undefined))
  if (!execution || !request) throw new AppError('execution_not_found')
  return { execution, request }
}

function view(user: UserCaller, { execution, request }: { execution: ExecutionRecord; request: VisibleRequest }) {
  return toExecutionView(execution, request.number, request.requesterId === user.id ? 'full' : 'no_values')
}
