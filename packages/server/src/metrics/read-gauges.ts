import { readAgents } from '../agents/read-agents.ts'
import type { Context } from '../context.ts'
import { countExecutionsByStatus, countQueuedByTarget } from '../executions/count-executions.ts'
import { configuredTargets, targetText } from '../policies/targets.ts'
import { countRequestsByStatus } from '../requests/count-requests.ts'

export type GaugeSources = Pick<Context, 'config' | 'db' | 'agentPresence'>

type Counts = ReadonlyMap<string, number>

/** What the state says at the time of a scrape; every status and every configured target has a number, also 0. */
export async function readGauges(
  ctx: GaugeSources,
): Promise<{ requests: Counts; executions: Counts; queue: Counts; agents: Counts }> {
  const db = ctx.db.read
  const queued = await countQueuedByTarget(db)
  const agents = await readAgents(ctx)
  const online = agents.filter(({ presence }) => presence?.isOnline).length
  return {
    requests: await countRequestsByStatus(db),
    executions: await countExecutionsByStatus(db),
    // What is queued for a target that the configuration has lost is in the count by status.
    queue: new Map(
      configuredTargets(ctx.config)
        .map(targetText)
        .map((target) => [target, queued.get(target) ?? 0]),
    ),
    agents: new Map([
      ['online', online],
      ['offline', agents.length - online],
    ]),
  }
}
