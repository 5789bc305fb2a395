import { can } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { countRunning } from '../executions/read-executions.ts'
import type { UserCaller } from '../identity/caller.ts'
import { type KnownAgent, readAgents } from './read-agents.ts'

export interface ListedAgent extends KnownAgent {
  /** Executions that it runs on these targets. */
  readonly running: number
}

/** The agents of the targets that somebody may see, with these targets alone; all of them for who may see every target. */
export async function listVisibleAgents(
  ctx: Pick<Context, 'db' | 'config' | 'agentPresence'>,
  user: UserCaller,
): Promise<ListedAgent[]> {
  const maySee = (target: { database: string; environment: string }) => can(user.roles, 'agent:read', target)
  const seesAll = maySee({ database: '*', environment: '*' })
  const running = (await countRunning(ctx.db.read)).filter(maySee)
  return (await readAgents(ctx))
    .map((known) => ({ ...known, targets: known.targets.filter(maySee) }))
    .filter(({ targets }) => seesAll || targets.length > 0)
    .map((known) => {
      const own = running.filter(({ agentId }) => agentId === known.agent.id)
      return { ...known, running: own.reduce((sum, { count }) => sum + count, 0) }
    })
}
