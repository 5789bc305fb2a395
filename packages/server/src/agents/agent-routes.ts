import { api, POLL_HOLD_S } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import { topicOf } from '../changes.ts'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import { handBackExecution, heartbeatExecution } from '../executions/keep-lease.ts'
import { leaseExecutions } from '../executions/lease-executions.ts'
import { readCancels } from '../executions/read-cancels.ts'
import { reportOutcome } from '../executions/report-outcome.ts'
import { startExecution } from '../executions/start-execution.ts'
import { route } from '../http/route.ts'
import { storeChunk } from '../results/store-chunk.ts'
import { registerAgent } from './register-agent.ts'

export function agentRoutes(app: FastifyInstance, ctx: Context): void {
  route(app, ctx, api.agents.poll, async ({ agent, body, signal }) => {
    const targets = await registerAgent(ctx, agent, body)
    const taker = {
      tokenId: agent.tokenId,
      agentId: body.agent_id,
      journalId: body.journal_id,
      targets,
      features: body.features,
      freeCapacity: body.free_capacity,
    }
    const topics = [topicOf.agent(taker.agentId), ...targets.map(topicOf.queue)]
    const holdMs = (body.hold_s ?? POLL_HOLD_S) * 1000
    const news = await ctx.changes.waitFor(topics, holdMs, signal, async () => {
      if (signal.aborted) return undefined
      const cancels = await readCancels(ctx, taker, body.cancelling ?? [])
      const leases = await leaseExecutions(ctx, taker)
      return cancels.length + leases.length > 0 ? { leases, cancels } : undefined
    })
    return { server_id: ctx.serverId, server_time: toInstant(ctx.clock.now()), leases: [], cancels: [], ...news }
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
