import type { Actor } from '@twinlock/evidence'
import { appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { cancelWay, transition } from './execution-state.ts'
import { type ExecutionRecord, updateExecution } from './execution-store.ts'

/** Who wants something cancelled, and why in their own words, which do not enter the log. */
export interface CancelWish {
  readonly actor: Actor
  readonly reason?: string | undefined
}

/**
 * Cancels an execution that has not started, or has the agent told of one that runs. Returns the topics that changed, for
 * after the commit: none where the agent was told before; undefined where there is nothing left to cancel.
 */
export async function cancelOpenExecution(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  execution: ExecutionRecord,
  wish: CancelWish,
): Promise<string[] | undefined> {
  switch (cancelWay(execution)) {
    case 'at_once':
      return (await cancelAtOnce(ctx, tx, execution, wish)) ? changedTopics(execution) : undefined
    case 'by_agent':
      return (await tellAgent(ctx, tx, execution, wish))
        ? [topicOf.execution(execution.id), topicOf.agent(execution.agentId ?? '')]
        : undefined
    case 'asked':
      return []
    case undefined:
      return undefined
  }
}

/** Nothing had started, so nothing was done: true unless something else came first. */
export async function cancelAtOnce(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  execution: ExecutionRecord,
  wish: CancelWish,
): Promise<boolean> {
  const now = ctx.clock.now()
  const move = transition(execution, { type: 'cancel' }, now)
  if (!move.ok) return false
  const change = { status: move.next, effect: move.effect, finishedAt: now, leaseExpiresAt: null, ...wishOf(wish, now) }
  if (!(await updateExecution(tx, execution, change))) return false
  await appendAudit(ctx, tx, {
    type: 'execution.cancelled',
    actor: wish.actor,
    subject: { type: 'execution', id: execution.id },
    data: { effect: move.effect },
  })
  return true
}

async function tellAgent(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  execution: ExecutionRecord,
  wish: CancelWish,
): Promise<boolean> {
  const asked = {
    cancelRequestedAt: ctx.clock.now(),
    cancelRequestedBy: wish.actor.id,
    cancelReason: wish.reason ?? null,
  }
  if (!(await updateExecution(tx, execution, asked))) return false
  await appendAudit(ctx, tx, {
    type: 'execution.cancel_requested',
    actor: wish.actor,
    subject: { type: 'execution', id: execution.id },
    data: { agent: execution.agentId },
  })
  return true
}

/** What time or a rule cancels, nobody asked for. */
function wishOf({ actor, reason }: CancelWish, now: number) {
  if (actor.type !== 'user') return {}
  return { cancelRequestedAt: now, cancelRequestedBy: actor.id, cancelReason: reason ?? null }
}

function changedTopics({ id, requestId }: ExecutionRecord): string[] {
  return [topicOf.execution(id), topicOf.request(requestId), topicOf.result(id)]
}
