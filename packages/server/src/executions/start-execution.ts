import { AppError, LEASE_MS } from '@twinlock/contract'
import type { Envelope } from '@twinlock/evidence'
import { appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { assertStillLive } from '../identity/authenticate.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { takeSlot } from '../requests/execution-slots.ts'
import { readPause } from '../targets/read-pauses.ts'
import { transition } from './execution-state.ts'
import { updateExecution } from './execution-store.ts'
import { getHeldExecution } from './held-execution.ts'
import { issueToken } from './issue-token.ts'
import { requeueExecution } from './requeue-execution.ts'

/**
 * Starts a leased execution: takes a slot, and signs the token without which no agent runs anything. Repeated with the
 * same lease it signs again, so that a lost answer costs nothing, unless somebody has cancelled it meanwhile; the agent
 * runs one execution once, whatever it is given.
 */
export async function startExecution(ctx: Context, agent: AgentCaller, id: string, leaseId: string): Promise<Envelope> {
  const { envelope, topics } = await ctx.db.transact(async (tx) => {
    await assertStillLive(ctx, tx, agent)
    const execution = await getHeldExecution(tx, agent, id, leaseId)
    const now = ctx.clock.now()
    // The token is for the journal that took the lease; an agent whose disk is new has lost it.
    if (!execution.isSameJournal) throw new AppError('lease_lost')
    if (execution.status === 'running') {
      // The first answer was lost, or else the agent has its token and will hear of the cancel: no second one.
      if (execution.cancelRequestedAt !== null) throw new AppError('execution_cancelled')
      return { envelope: await issueToken(ctx, tx, execution), topics: [] }
    }
    const move = transition(execution, { type: 'start' }, now)
    if (!move.ok) throw new AppError(move.code)
    if (await readPause(tx, execution)) {
      // Kept, although the call is refused: it waits for the target, not for this agent.
      const actor = { type: 'agent' as const, id: execution.agentId }
      const requeued = await requeueExecution(ctx, tx, execution, actor, 'target_paused')
      if (!requeued.ok) throw new AppError(requeued.code)
      return { envelope: undefined, topics: [topicOf.execution(id), topicOf.request(execution.requestId)] }
    }
    await takeSlot(ctx, tx, execution.requestId)
    const change = { status: move.next, startedAt: now, leaseExpiresAt: now + LEASE_MS }
    if (!(await updateExecution(tx, execution, change))) throw new AppError('concurrent_change')
    const envelope = await issueToken(ctx, tx, execution)
    await appendAudit(ctx, tx, {
      type: 'execution.started',
      actor: { type: 'agent', id: execution.agentId },
      subject: { type: 'execution', id },
      data: { request_id: execution.requestId, token_keyid: ctx.signingKey.fingerprint },
    })
    return { envelope, topics: [topicOf.execution(id), topicOf.request(execution.requestId)] }
  })
  ctx.changes.notify(...topics)
  if (!envelope) throw new AppError('target_paused')
  return envelope
}
