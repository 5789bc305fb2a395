import type { TargetView } from '@twinlock/contract'
import { toInstant } from '../clock.ts'
import type { ServerConfig } from '../config.ts'
import { findTargetDatabase, targetText } from '../policies/targets.ts'
import type { TargetFacts } from './read-targets.ts'

export function toTargetView(config: Pick<ServerConfig, 'databases'>, target: TargetFacts): TargetView {
  const name = targetText(target)
  const database = findTargetDatabase(config, target)
  if (!database) throw new Error(`${name} is not configured`)
  const { pause } = target
  return {
    database: target.database,
    environment: target.environment,
    dialect: database.dialect,
    paused: pause ? { by: pause.by, at: toInstant(pause.at), reason: pause.reason } : null,
    queued: target.queued,
    running: target.running,
    agents: target.agents.map(({ agent, presence }) => {
      const state = presence?.targets.get(name)?.state
      return {
        id: agent.id,
        online: presence?.isOnline ?? false,
        last_seen_at: presence ? toInstant(presence.lastSeenAt) : null,
        status: state?.status ?? 'unknown',
        server_version: state?.server_version ?? null,
        code: state?.code ?? null,
      }
    }),
  }
}
