import { appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillMay } from '../identity/authority.ts'
import type { UserCaller } from '../identity/caller.ts'
import { targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import { assertMayPause } from './target-access.ts'
import { deletePause } from './target-store.ts'

/** Lets a target go on; what waited is leased at once. One that is not paused stays so. */
export async function resumeTarget(
  ctx: Context,
  user: UserCaller,
  target: TargetName,
  idempotency?: Idempotency,
): Promise<string> {
  assertMayPause(ctx, user, target)
  const id = targetText(target)
  await ctx.db.transact(async (tx) => {
    const actor = await assertStillMay(ctx, tx, user, 'target:pause', target)
    if (await deletePause(tx, target))
      await appendAudit(ctx, tx, {
        type: 'target.resumed',
        actor,
        subject: { type: 'target', id },
        data: {},
      })
    await rememberAnswer(ctx, tx, idempotency, id)
  })
  ctx.changes.notify(topicOf.queue(target))
  return id
}
