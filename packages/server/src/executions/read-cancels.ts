import type { Cancel } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { listCancelsOf } from './execution-store.ts'

/** More than an agent runs at once. */
const MAX_CANCELS = 1000

/** What an agent has to be told to cancel, again with every poll until it says that it knows, or the execution has ended. */
export async function readCancels(
  ctx: Pick<Context, 'db'>,
  agent: { readonly agentId: string; readonly journalId: string },
  known: readonly string[],
): Promise<Cancel[]> {
  const isKnown = new Set(known)
  const cancels = await listCancelsOf(ctx.db.read, agent, MAX_CANCELS)
  return cancels
    .filter(({ id }) => !isKnown.has(id))
    .map(({ id, cancelReason }) => ({ execution_id: id, reason: cancelReason }))
}
