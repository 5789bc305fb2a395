import { appendAudit } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import { cancelExecutionsOfTarget } from '../executions/cancel-executions-of-target.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillMay } from '../identity/authority.ts'
import type { UserCaller } from '../identity/caller.ts'
import { targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import { assertMayPause } from './target-access.ts'
import { findPause, insertPause } from './target-store.ts'

/**
 * Stops a target: nothing of it is leased any more, and what was leased does not start. What runs goes on, unless
 * executions are to be cancelled. A paused target stays as it was paused. Returns how many were cancelled at once.
 */
export async function pauseTarget(
  ctx: Context,
  user: UserCaller,
  target: TargetName,
  input: { readonly reason?: string | undefined; readonly cancel_executions?: boolean | undefined },
  idempotency?: Idempotency,
): Promise<number> {
  assertMayPause(ctx, user, target)
  const { cancelled, topics } = await ctx.db.transact(async (tx) => {
    const actor = await assertStillMay(ctx, tx, user, 'target:pause', target)
    if (!(await findPause(tx, target))) {
      await insertPause(tx, { ...target, by: user.name, reason: input.reason ?? null, at: ctx.clock.now() })
      await appendAudit(ctx, tx, {
        type: 'target.paused',
        actor,
        subject: { type: 'target', id: targetText(target) },
        data: { cancel_executions: input.cancel_executions === true },
      })
    }
    const ended = input.cancel_executions
      ? await cancelExecutionsOfTarget(ctx, tx, target, { actor, reason: input.reason })
      : { cancelled: 0, topics: [] }
    await rememberAnswer(ctx, tx, idempotency, String(ended.cancelled))
    return ended
  })
  ctx.changes.notify(...topics)
  return cancelled
}
