import type { RequestView } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { isEnded } from './execution-state.ts'

/** The narrow view that requests have of executions. */
export async function readLatestExecution(
  db: Kysely<Tables>,
  requestId: string,
): Promise<RequestView['latest_execution'] | undefined> {
  return db
    .selectFrom('executions')
    .select(['id', 'status', 'effect'])
    .where('request_id', '=', requestId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Whether no more of a result is awaited; a lost execution may still be resolved, but nobody waits for that. */
export async function hasResultEnded(db: Kysely<Tables>, executionId: string): Promise<boolean> {
  const { status } = await db
    .selectFrom('executions')
    .select('status')
    .where('id', '=', executionId)
    .executeTakeFirstOrThrow()
  return status === 'lost' || isEnded(status)
}
