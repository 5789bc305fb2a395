import { executionStatusSchema } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { targetText } from '../policies/targets.ts'

/** Every status, also those that nothing has. */
export async function countExecutionsByStatus(db: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('executions')
    .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
    .groupBy('status')
    .execute()
  const counts = new Map(executionStatusSchema.options.map((status) => [status as string, 0]))
  for (const { status, count } of rows) counts.set(status, Number(count))
  return counts
}

export async function countQueuedByTarget(db: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('executions')
    .select((eb) => ['database', 'environment', eb.fn.countAll<number>().as('count')])
    .where('status', '=', 'queued')
    .groupBy(['database', 'environment'])
    .execute()
  return new Map(rows.map((row) => [targetText(row), Number(row.count)]))
}
