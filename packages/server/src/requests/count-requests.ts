import { requestStatusSchema } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'

/** Every status, also those that nothing has. */
export async function countRequestsByStatus(db: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('requests')
    .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
    .groupBy('status')
    .execute()
  const counts = new Map(requestStatusSchema.options.map((status) => [status as string, 0]))
  for (const { status, count } of rows) counts.set(status, Number(count))
  return counts
}
