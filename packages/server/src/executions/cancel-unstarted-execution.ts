import type { Actor } from '@twinlock/evidence'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { cancelAtOnce } from './cancel-open-execution.ts'
import { listExecutionsOfRequest } from './execution-store.ts'

/** Cancels the request's execution if it has not started. Returns its id, or undefined when there is none to cancel. */
export async function cancelUnstartedExecution(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  requestId: string,
  actor: Actor,
): Promise<string | undefined> {
  for (const execution of await listExecutionsOfRequest(tx, requestId))
    if (await cancelAtOnce(ctx, tx, execution, { actor })) return execution.id
  return undefined
}
