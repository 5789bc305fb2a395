import type { AgentView } from '@twinlock/contract'
import { toInstant } from '../clock.ts'
import { targetText } from '../policies/targets.ts'
import { UNKNOWN_STATE } from './agent-presence.ts'
import type { ListedAgent } from './list-agents.ts'

export function toAgentView({ agent, presence, targets, running }: ListedAgent): AgentView {
  return {
    id: agent.id,
    version: agent.version,
    online: presence?.isOnline ?? false,
    last_seen_at: presence ? toInstant(presence.lastSeenAt) : null,
    free_capacity: presence?.freeCapacity ?? null,
    running,
    clock_skew_ms: presence?.clockSkewMs ?? null,
    created_at: toInstant(agent.createdAt),
    targets: targets.map((target) => ({
      target: targetText(target),
      dialect: target.dialect,
      operations: target.operations && [...target.operations],
      bound: target.isBound,
      state: presence?.targets.get(targetText(target))?.state ?? UNKNOWN_STATE,
    })),
  }
}
