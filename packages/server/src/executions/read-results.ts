import { type Kysely, sql } from 'kysely'
import type { Tables } from '../db/tables.ts'

/** Ended executions whose result is kept, those that ended first first. */
export async function listOldestResults(db: Kysely<Tables>, endedBefore: number, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('executions')
    .select('id')
    // In the very words of the index.
    .where(sql<boolean>`result in ('partial', 'complete')`)
    .where('finished_at', '<=', endedBefore)
    .orderBy('finished_at')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** Which of these executions have, or may yet get, a result. */
export async function readKeptResults(db: Kysely<Tables>, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('executions')
    .select('id')
    .where('id', 'in', ids)
    .where((eb) => eb.or([eb('result', 'in', ['partial', 'complete']), eb('finished_at', 'is', null)]))
    .execute()
  return new Set(rows.map(({ id }) => id))
}
