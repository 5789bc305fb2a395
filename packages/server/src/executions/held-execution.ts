import { AppError } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import { readAgent } from '../agents/read-agents.ts'
import type { Tables } from '../db/tables.ts'
import type { AgentCaller } from '../identity/caller.ts'
import { isSameTarget } from '../policies/targets.ts'
import { type ExecutionRecord, findExecution } from './execution-store.ts'

export interface HeldExecution extends ExecutionRecord {
  readonly agentId: string
  readonly leaseId: string
  /** False for an agent whose disk is another than when it took the lease. */
  readonly isSameJournal: boolean
}

/**
 * The execution that the agent of this token leased under this lease. A missing one, another agent's, and one of a target
 * the token is not bound to any more get the same answer; an old lease is a conflict.
 */
export async function getHeldExecution(
  db: Kysely<Tables>,
  agent: AgentCaller,
  id: string,
  leaseId: string,
): Promise<HeldExecution> {
  const execution = await findExecution(db, id)
  const holder = execution?.agentId ? await readAgent(db, execution.agentId) : undefined
  if (
    !execution ||
    holder?.tokenId !== agent.tokenId ||
    !agent.targets.some((target) => isSameTarget(target, execution))
  )
    throw new AppError('execution_not_found')
  const { agentId } = execution
  if (execution.leaseId !== leaseId || agentId === null) throw new AppError('lease_lost')
  return { ...execution, agentId, leaseId, isSameJournal: holder.journalId === execution.journalId }
}
