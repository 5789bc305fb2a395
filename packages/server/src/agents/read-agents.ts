import type { Tx } from '../db/connect.ts'
import { findAgent } from './agent-store.ts'

/** The journal that the agent's tokens are bound to. */
export async function readJournalId(tx: Tx, agentId: string): Promise<string> {
  const agent = await findAgent(tx, agentId)
  if (!agent) throw new Error(`there is no agent ${agentId}`)
  return agent.journalId
}
