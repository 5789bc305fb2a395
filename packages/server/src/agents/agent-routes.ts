import { api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import { handBackExecution, heartbeatExecution } from '../executions/keep-lease.ts'
import { reportOutcome } from '../executions/report-outcome.ts'
import { startExecution } from '../executions/start-execution.ts'
import { route } from '../http/route.ts'
import { storeChunk } from '../results/store-chunk.ts'
import { toAgentView } from './agent-view.ts'
import { answerPoll } from './answer-poll.ts'
import { listVisibleAgents } from './list-agents.ts'

export function agentRoutes(app: FastifyInstance, ctx: Context): void {
  route(app, ctx, api.agents.list, async ({ user }) => ({
    items: (await listVisibleAgents(ctx, user)).map(toAgentView),
  }))

  route(app, ctx, api.agents.poll, async ({ agent, body, signal }) => {
    const news = await answerPoll(ctx, agent, body, signal)
    return { server_id: ctx.serverId, server_time: toInstant(ctx.clock.now()), ...news }
  })

  route(app, ctx, api.agents.start, async ({ agent, params, body }) => ({
    token: await startExecution(ctx, agent, params.id, body.lease_id),
    server_time: toInstant(ctx.clock.now()),
  }))

  route(app, ctx, api.agents.heartbeat, async ({ agent, params, body }) => ({
    lease_expires_at: toInstant(await heartbeatExecution(ctx, agent, params.id, body.lease_id)),
  }))

  route(app, ctx, api.agents.handBack, async ({ agent, params, body }) => {
    await handBackExecution(ctx, agent, params.id, body.lease_id)
    return {}
  })

  route(app, ctx, api.agents.chunk, async ({ agent, params, query, rawBody }) => {
    await storeChunk(ctx, agent, params.id, query.lease_id, params.n, rawBody)
    return {}
  })

  route(app, ctx, api.agents.outcome, async ({ agent, params, body }) => {
    await reportOutcome(ctx, agent, params.id, body)
    return {}
  })
}
