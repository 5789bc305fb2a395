import { type Cancel, type Lease, POLL_HOLD_S } from '@twinlock/contract'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { leaseExecutions } from '../executions/lease-executions.ts'
import { readCancels } from '../executions/read-cancels.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { targetText } from '../policies/targets.ts'
import { UNKNOWN_STATE } from './agent-presence.ts'
import { type PollBody, registerAgent } from './register-agent.ts'

/** Work and cancels for an agent, as soon as there are any. It gets nothing of a target that it says it does not serve. */
export async function answerPoll(
  ctx: Context,
  caller: AgentCaller,
  body: PollBody,
  signal: AbortSignal,
): Promise<{ leases: Lease[]; cancels: Cancel[] }> {
  const arrivedAt = ctx.clock.now()
  const served = await registerAgent(ctx, caller, body)
  const targets = body.targets.map((target) => {
    const presence = { isServed: served.includes(target), state: target.state ?? UNKNOWN_STATE }
    return [targetText(target), presence] as const
  })
  const leave = ctx.agentPresence.arrive({
    agentId: body.agent_id,
    freeCapacity: body.free_capacity,
    clockSkewMs: body.time === undefined ? null : Date.parse(body.time) - arrivedAt,
    targets: new Map(targets),
  })
  const taker = {
    tokenId: caller.tokenId,
    agentId: body.agent_id,
    journalId: body.journal_id,
    targets: served.filter(({ state }) => state?.status !== 'refused'),
    features: body.features,
    freeCapacity: body.free_capacity,
  }
  const topics = [topicOf.agent(taker.agentId), ...taker.targets.map(topicOf.queue)]
  try {
    const holdMs = (body.hold_s ?? POLL_HOLD_S) * 1000
    const news = await ctx.changes.waitFor(topics, holdMs, signal, async () => {
      if (signal.aborted) return undefined
      const cancels = await readCancels(ctx, taker, body.cancelling ?? [])
      const leases = await leaseExecutions(ctx, taker)
      return cancels.length + leases.length > 0 ? { leases, cancels } : undefined
    })
    return news ?? { leases: [], cancels: [] }
  } finally {
    leave()
  }
}
