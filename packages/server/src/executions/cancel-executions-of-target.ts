import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import type { TargetName } from '../policies/workflow.ts'
import { type CancelWish, cancelOpenExecution } from './cancel-open-execution.ts'
import { cancelWay } from './execution-state.ts'
import { listUnderWay } from './execution-store.ts'

/** Cancels whatever waits or runs on a target. Returns how many ended at once, and the topics that changed. */
export async function cancelExecutionsOfTarget(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  target: TargetName,
  wish: CancelWish,
): Promise<{ cancelled: number; topics: string[] }> {
  const topics: string[] = []
  let cancelled = 0
  for (const execution of await listUnderWay(tx, target)) {
    const changed = await cancelOpenExecution(ctx, tx, execution, wish)
    if (!changed) continue
    topics.push(...changed)
    if (cancelWay(execution) === 'at_once') cancelled++
  }
  return { cancelled, topics }
}
