import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'
import { findPause, listPauses, type Pause } from './target-store.ts'

export async function readPause(db: Kysely<Tables>, target: TargetName): Promise<Pause | undefined> {
  return findPause(db, target)
}

/** Names, in writing, of the targets of which nothing is leased and nothing starts. */
export async function readPausedTargets(db: Kysely<Tables>): Promise<ReadonlySet<string>> {
  return new Set((await listPauses(db)).map(targetText))
}
