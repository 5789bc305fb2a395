import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { findAgent } from './agent-store.ts'

/** What other features may know of an agent: the token it last used, and the journal it has. */
export async function readAgent(
  db: Kysely<Tables>,
  agentId: string,
): Promise<{ readonly tokenId: string; readonly journalId: string } | undefined> {
  return findAgent(db, agentId)
}
