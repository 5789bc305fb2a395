import type { ExecutionStatus, RequestView } from '@twinlock/contract'
import type { ExpressionBuilder, Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import { HELD_STATUSES, isEnded, OPEN_STATUSES } from './execution-state.ts'

/** For a query over requests: how many open executions each has, and whether one is in an agent's hands. */
export function countOpenExecutions(eb: ExpressionBuilder<Tables, 'requests'>) {
  return countExecutions(eb, OPEN_STATUSES)
}

export function countHeldExecutions(eb: ExpressionBuilder<Tables, 'requests'>) {
  return countExecutions(eb, HELD_STATUSES)
}

function countExecutions(eb: ExpressionBuilder<Tables, 'requests'>, statuses: readonly ExecutionStatus[]) {
  return eb
    .selectFrom('executions')
    .select((inner) => inner.fn.countAll<number>().as('count'))
    .whereRef('executions.request_id', '=', 'requests.id')
    .where('executions.status', 'in', statuses)
}

/** The request of an execution; undefined when there is no such execution. */
export async function readRequestIdOf(db: Kysely<Tables>, executionId: string): Promise<string | undefined> {
  const row = await db.selectFrom('executions').select('request_id').where('id', '=', executionId).executeTakeFirst()
  return row?.request_id
}

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

/** The same of several requests, by their ids. */
export async function readLatestExecutions(
  db: Kysely<Tables>,
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, NonNullable<RequestView['latest_execution']>>> {
  const rows = await db
    .selectFrom('requests')
    .innerJoin('executions', (join) =>
      join.on('executions.id', '=', (eb) =>
        eb
          .selectFrom('executions as latest')
          .select('latest.id')
          .whereRef('latest.request_id', '=', 'requests.id')
          .orderBy('latest.created_at', 'desc')
          .orderBy('latest.id', 'desc')
          .limit(1),
      ),
    )
    .select(['requests.id as request_id', 'executions.id', 'executions.status', 'executions.effect'])
    .where('requests.id', 'in', requestIds)
    .execute()
  return new Map(rows.map(({ request_id, ...execution }) => [request_id, execution]))
}

/** How many executions wait and run, by the target's name in writing; one that is leased has not started and waits. */
export async function countUnderWay(
  db: Kysely<Tables>,
): Promise<ReadonlyMap<string, { readonly queued: number; readonly running: number }>> {
  const rows = await db
    .selectFrom('executions')
    .select(['database', 'environment', 'status', (eb) => eb.fn.countAll<number>().as('count')])
    .where('status', 'in', ['queued', 'leased', 'running'])
    .groupBy(['database', 'environment', 'status'])
    .execute()
  const counts = new Map<string, { queued: number; running: number }>()
  for (const row of rows) {
    const name = targetText(row)
    const count = counts.get(name) ?? { queued: 0, running: 0 }
    counts.set(name, count)
    count[row.status === 'running' ? 'running' : 'queued'] += Number(row.count)
  }
  return counts
}

/** How many executions each agent runs on each target. */
export async function countRunning(
  db: Kysely<Tables>,
): Promise<(TargetName & { readonly agentId: string | null; readonly count: number })[]> {
  const rows = await db
    .selectFrom('executions')
    .select(['agent_id', 'database', 'environment', (eb) => eb.fn.countAll<number>().as('count')])
    .where('status', '=', 'running')
    .groupBy(['agent_id', 'database', 'environment'])
    .execute()
  return rows.map(({ agent_id, count, ...target }) => ({ ...target, agentId: agent_id, count: Number(count) }))
}

/** Whether an agent that is heard of is at work on something: a stopping server waits for what it has to say. */
export async function isWorkUnderWay(db: Kysely<Tables>, now: number): Promise<boolean> {
  const query = db.selectFrom('executions').select('id').where('status', '=', 'running')
  return (await query.where('lease_expires_at', '>', now).limit(1).executeTakeFirst()) !== undefined
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
