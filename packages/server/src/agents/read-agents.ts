import type { Kysely } from 'kysely'
import type { Context } from '../context.ts'
import type { Tables } from '../db/tables.ts'
import { readTokenTargets } from '../identity/read-token-targets.ts'
import { findTargetDatabase, isSameTarget, targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import type { Presence } from './agent-presence.ts'
import { type AgentRecord, type AnnouncedTarget, findAgent, listAgents, readAnnounced } from './agent-store.ts'

/** What other features may know of an agent: the token it last used, and the journal it has. */
export async function readAgent(
  db: Kysely<Tables>,
  agentId: string,
): Promise<{ readonly tokenId: string; readonly journalId: string } | undefined> {
  return findAgent(db, agentId)
}

export interface KnownAgent {
  readonly agent: AgentRecord
  readonly presence: Presence | undefined
  readonly targets: readonly (AnnouncedTarget & { readonly isBound: boolean })[]
}

/** Every agent that ever registered, by name, and how it is now. */
export async function readAgents(ctx: Pick<Context, 'db' | 'config' | 'agentPresence'>): Promise<KnownAgent[]> {
  const bounds = new Map<string, readonly TargetName[]>()
  const known: KnownAgent[] = []
  for (const agent of await listAgents(ctx.db.read)) {
    const bound = bounds.get(agent.tokenId) ?? (await readTokenTargets(ctx, agent.tokenId))
    bounds.set(agent.tokenId, bound)
    const targets = readAnnounced(agent).map((target) => ({
      ...target,
      isBound: bound.some((one) => isSameTarget(one, target)),
    }))
    known.push({ agent, presence: ctx.agentPresence.find(agent.id), targets })
  }
  return known
}

/** The agents that may serve each target, by its name in writing. */
export async function readServingAgents(
  ctx: Pick<Context, 'db' | 'config' | 'agentPresence'>,
): Promise<ReadonlyMap<string, readonly KnownAgent[]>> {
  const serving = new Map<string, KnownAgent[]>()
  for (const known of await readAgents(ctx))
    for (const target of known.targets) {
      if (!target.isBound || findTargetDatabase(ctx.config, target)?.dialect !== target.dialect) continue
      const name = targetText(target)
      serving.set(name, [...(serving.get(name) ?? []), known])
    }
  return serving
}
