import { AppError, type AuditEventType, type api, type EndpointCall } from '@twinlock/contract'
import { type AuditEvent, appendAudit } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import { assertStillLive } from '../identity/authenticate.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { readTokenTargets } from '../identity/read-token-targets.ts'
import { findTargetDatabase, isSameTarget, targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import { type AgentRecord, findAgent, insertAgent, updateAgent } from './agent-store.ts'

export type PollBody = EndpointCall<typeof api.agents.poll>['body']

/**
 * Learns what an agent says of itself and returns the targets it may serve: those it announces that its token is bound to
 * and whose dialect is the configured one. Announcing more changes nothing and is audited. Writes only what is new.
 */
export async function registerAgent(ctx: Context, caller: AgentCaller, body: PollBody): Promise<PollBody['targets']> {
  const known = await findAgent(ctx.db.read, body.agent_id)
  // A token that covers at least the same targets may go on under the name: it could do the same work under another one.
  // Any other must not be able to take over, or lock out, an agent by taking its name.
  if (known && known.tokenId !== caller.tokenId && !(await coversTargetsOf(ctx, caller, known.tokenId))) {
    await recordRefusal(ctx, caller, body.agent_id)
    throw new AppError('agent_id_taken', { detail: `the agent id ${body.agent_id} is taken` })
  }
  const isBound = (target: TargetName) => caller.targets.some((bound) => isSameTarget(bound, target))
  const announced: AgentRecord = {
    id: body.agent_id,
    tokenId: caller.tokenId,
    journalId: body.journal_id,
    version: body.version,
    features: JSON.stringify(body.features),
    // Without their state, which changes by itself and is kept in memory.
    targets: JSON.stringify(body.targets.map(({ state: _, ...target }) => target)),
    createdAt: known?.createdAt ?? ctx.clock.now(),
  }
  if (!isSameAgent(known, announced))
    await store(
      ctx,
      known,
      announced,
      body.targets.filter((target) => !isBound(target)),
    )
  return body.targets.filter(
    (target) => isBound(target) && findTargetDatabase(ctx.config, target)?.dialect === target.dialect,
  )
}

async function coversTargetsOf(ctx: Context, caller: AgentCaller, tokenId: string): Promise<boolean> {
  const before = await readTokenTargets(ctx, tokenId)
  return before.every((target) => caller.targets.some((bound) => isSameTarget(bound, target)))
}

/** Once while the server runs: an agent that is set up wrongly asks again and again. */
async function recordRefusal(ctx: Context, caller: AgentCaller, agentId: string): Promise<void> {
  if (!ctx.firstTime(`agent.refused ${caller.tokenId} ${agentId}`)) return
  const event: AuditEvent = {
    type: 'agent.refused',
    actor: { type: 'agent', id: agentId },
    subject: { type: 'token', id: caller.tokenId },
    data: { code: 'agent_id_taken' },
  }
  await ctx.db.transact((tx) => appendAudit(ctx, tx, event))
}

async function store(
  ctx: Context,
  known: AgentRecord | undefined,
  announced: AgentRecord,
  unbound: readonly TargetName[],
): Promise<void> {
  const actor = { type: 'agent' as const, id: announced.id }
  const event = (type: AuditEventType, data: AuditEvent['data']): AuditEvent => ({
    type,
    actor,
    subject: { type: 'agent', id: announced.id },
    data,
  })
  const events: AuditEvent[] = []
  if (!known) events.push(event('agent.registered', { token_id: announced.tokenId, journal_id: announced.journalId }))
  if (known && known.tokenId !== announced.tokenId)
    events.push(event('agent.token_changed', { was: known.tokenId, token_id: announced.tokenId }))
  if (known && known.journalId !== announced.journalId)
    events.push(event('agent.journal_changed', { was: known.journalId, journal_id: announced.journalId }))
  if (unbound.length > 0) events.push(event('agent.targets_ignored', { targets: unbound.map(targetText) }))
  await ctx.db.transact(async (tx) => {
    await assertStillLive(ctx, tx, announced)
    const current = await findAgent(tx, announced.id)
    if (current?.tokenId !== known?.tokenId) throw new AppError('concurrent_change')
    if (current) await updateAgent(tx, announced)
    else await insertAgent(tx, announced)
    await appendAudit(ctx, tx, ...events)
  })
}

function isSameAgent(a: AgentRecord | undefined, b: AgentRecord): boolean {
  return (
    a !== undefined &&
    a.tokenId === b.tokenId &&
    a.journalId === b.journalId &&
    a.version === b.version &&
    a.features === b.features &&
    a.targets === b.targets
  )
}
