import type { Context } from '../context.ts'
import { configuredTargets } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import { getToken } from './token-store.ts'

/** The targets that an agent's token is bound to. */
export async function readTokenTargets(
  ctx: Pick<Context, 'db' | 'config'>,
  tokenId: string,
): Promise<readonly TargetName[]> {
  return (await getToken(ctx.db.read, tokenId)).targets ?? configuredTargets(ctx.config)
}
