import type { Kysely } from 'kysely'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'
import type { TargetName } from '../policies/workflow.ts'

export interface Pause extends TargetName {
  /** A name. */
  readonly by: string
  readonly reason: string | null
  readonly at: number
}

export async function findPause(db: Kysely<Tables>, target: TargetName): Promise<Pause | undefined> {
  return (await listPauses(db)).find(
    ({ database, environment }) => database === target.database && environment === target.environment,
  )
}

export async function listPauses(db: Kysely<Tables>): Promise<Pause[]> {
  const rows = await db.selectFrom('target_pauses').selectAll().execute()
  return rows.map(({ database, environment, paused_by, reason, created_at }) => ({
    database,
    environment,
    by: paused_by,
    reason,
    at: created_at,
  }))
}

export async function insertPause(tx: Tx, pause: Pause): Promise<void> {
  const { database, environment, by, reason, at } = pause
  await tx
    .insertInto('target_pauses')
    .values({ database, environment, paused_by: by, reason, created_at: at })
    .execute()
}

export async function deletePause(tx: Tx, target: TargetName): Promise<boolean> {
  const result = await tx
    .deleteFrom('target_pauses')
    .where('database', '=', target.database)
    .where('environment', '=', target.environment)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}
