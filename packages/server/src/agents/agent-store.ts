import type { Kysely } from 'kysely'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'

export interface AgentRecord {
  readonly id: string
  readonly tokenId: string
  readonly journalId: string
  readonly version: string
  /** JSON of what it can do, compared as a whole. */
  readonly features: string
  readonly targets: string
}

export async function findAgent(db: Kysely<Tables>, id: string): Promise<AgentRecord | undefined> {
  const row = await db.selectFrom('agents').selectAll().where('id', '=', id).executeTakeFirst()
  return (
    row && {
      id: row.id,
      tokenId: row.token_id,
      journalId: row.journal_id,
      version: row.version,
      features: row.features,
      targets: row.targets,
    }
  )
}

export async function insertAgent(tx: Tx, agent: AgentRecord, now: number): Promise<void> {
  await tx
    .insertInto('agents')
    .values({
      id: agent.id,
      token_id: agent.tokenId,
      journal_id: agent.journalId,
      version: agent.version,
      features: agent.features,
      targets: agent.targets,
      created_at: now,
    })
    .execute()
}

export async function updateAgent(tx: Tx, agent: AgentRecord): Promise<void> {
  await tx
    .updateTable('agents')
    .set({
      token_id: agent.tokenId,
      journal_id: agent.journalId,
      version: agent.version,
      features: agent.features,
      targets: agent.targets,
    })
    .where('id', '=', agent.id)
    .execute()
}
