import type { Kysely } from 'kysely'
import type { Context } from '../context.ts'
import type { Tables } from '../db/tables.ts'
import { countExecutionsByStatus, countQueuedByTarget } from '../executions/count-executions.ts'
import { configuredTargets, targetText } from '../policies/targets.ts'
import { countRequestsByStatus } from '../requests/count-requests.ts'

type Counts = ReadonlyMap<string, number>

/** What the state says at the time of a scrape; every status and every configured target has a number, also 0. */
export async function readGauges(
  db: Kysely<Tables>,
  config: Context['config'],
): Promise<{ requests: Counts; executions: Counts; queue: Counts }> {
  const queued = await countQueuedByTarget(db)
  return {
    requests: await countRequestsByStatus(db),
    executions: await countExecutionsByStatus(db),
    // What is queued for a target that the configuration has lost is in the count by status.
    queue: new Map(
      configuredTargets(config)
        .map(targetText)
        .map((target) => [target, queued.get(target) ?? 0]),
    ),
  }
}
