import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { type CancelWish, cancelOpenExecution } from './cancel-open-execution.ts'
import { cancelWay } from './execution-state.ts'
import { listExecutionsOfRequest } from './execution-store.ts'

/** Cancels the open execution of a request, a running one only where that is wanted. Undefined when nothing was done. */
export async function cancelExecutionOf(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  requestId: string,
  wish: CancelWish,
  which: 'unstarted' | 'also_running',
): Promise<{ readonly hasEnded: boolean; readonly topics: readonly string[] } | undefined> {
  for (const execution of await listExecutionsOfRequest(tx, requestId)) {
    const hasEnded = cancelWay(execution) === 'at_once'
    if (!hasEnded && which === 'unstarted') continue
    const topics = await cancelOpenExecution(ctx, tx, execution, wish)
    if (topics) return { hasEnded, topics }
  }
  return undefined
}
