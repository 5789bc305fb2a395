import { type KnownAgent, readServingAgents } from '../agents/read-agents.ts'
import type { Context } from '../context.ts'
import { countUnderWay } from '../executions/read-executions.ts'
import { targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import { listPauses, type Pause } from './target-store.ts'

/** How a target is. */
export interface TargetFacts extends TargetName {
  readonly pause: Pause | undefined
  readonly queued: number
  readonly running: number
  readonly agents: readonly KnownAgent[]
}

export async function readTargets(
  ctx: Pick<Context, 'db' | 'config' | 'agentPresence'>,
  targets: readonly TargetName[],
): Promise<TargetFacts[]> {
  const pauses = new Map((await listPauses(ctx.db.read)).map((pause) => [targetText(pause), pause]))
  const counts = await countUnderWay(ctx.db.read)
  const agents = await readServingAgents(ctx)
  return targets.map((target) => {
    const name = targetText(target)
    const { queued, running } = counts.get(name) ?? { queued: 0, running: 0 }
    return { ...target, pause: pauses.get(name), queued, running, agents: agents.get(name) ?? [] }
  })
}

export async function readTarget(
  ctx: Pick<Context, 'db' | 'config' | 'agentPresence'>,
  target: TargetName,
): Promise<TargetFacts> {
  const [facts] = await readTargets(ctx, [target])
  if (!facts) throw new Error('a target has no facts')
  return facts
}
