import { dialectSchema, operationNameSchema } from '@twinlock/contract'
import type { Kysely, Selectable } from 'kysely'
import { z } from 'zod'
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
  readonly createdAt: number
}

const announcedSchema = z.array(
  z.object({
    database: z.string(),
    environment: z.string(),
    dialect: dialectSchema,
    operations: z.array(operationNameSchema).nullable(),
  }),
)
export type AnnouncedTarget = z.infer<typeof announcedSchema>[number]

/** The targets that it says it serves; which of them it may, its token decides. */
export function readAnnounced(agent: Pick<AgentRecord, 'targets'>): AnnouncedTarget[] {
  return announcedSchema.parse(JSON.parse(agent.targets))
}

export async function findAgent(db: Kysely<Tables>, id: string): Promise<AgentRecord | undefined> {
  const row = await db.selectFrom('agents').selectAll().where('id', '=', id).executeTakeFirst()
  return row && toRecord(row)
}

/** By name. */
export async function listAgents(db: Kysely<Tables>): Promise<AgentRecord[]> {
  return (await db.selectFrom('agents').selectAll().orderBy('id').execute()).map(toRecord)
}

export async function insertAgent(tx: Tx, agent: AgentRecord): Promise<void> {
  await tx
    .insertInto('agents')
    .values({
      id: agent.id,
      token_id: agent.tokenId,
      journal_id: agent.journalId,
      version: agent.version,
      features: agent.features,
      targets: agent.targets,
      created_at: agent.createdAt,
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

function toRecord(row: Selectable<Tables['agents']>): AgentRecord {
  return {
    id: row.id,
    tokenId: row.token_id,
    journalId: row.journal_id,
    version: row.version,
    features: row.features,
    targets: row.targets,
    createdAt: row.created_at,
  }
}
