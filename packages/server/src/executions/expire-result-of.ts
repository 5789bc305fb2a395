import { appendAudit, SYSTEM } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import { isEnded } from './execution-state.ts'
import { findExecution, updateExecution } from './execution-store.ts'

/** Records that an ended execution's result is gone. False when it had none, or has not ended. */
export async function expireResultOf(
  ctx: Pick<Context, 'db' | 'clock' | 'ids' | 'random'>,
  id: string,
  reason: 'quota' | 'retention',
): Promise<boolean> {
  return ctx.db.transact(async (tx) => {
    const execution = await findExecution(tx, id)
    if (!execution || !isEnded(execution.status)) return false
    if (execution.result !== 'partial' && execution.result !== 'complete') return false
    if (!(await updateExecution(tx, execution, { result: 'expired', resultReason: reason }))) return false
    const subject = { type: 'execution', id }
    await appendAudit(ctx, tx, { type: 'result.expired', actor: SYSTEM, subject, data: { reason } })
    return true
  })
}
