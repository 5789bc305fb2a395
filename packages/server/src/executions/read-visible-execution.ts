import { AppError, isAppError } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { UserCaller } from '../identity/caller.ts'
import { readVisibleRequest, type VisibleRequest } from '../requests/read-requests.ts'
import { isEnded } from './execution-state.ts'
import { type ExecutionRecord, findExecution } from './execution-store.ts'

export interface VisibleExecution {
  readonly execution: ExecutionRecord
  readonly request: VisibleRequest
  /** It has ended without one. */
  readonly hasNoResult: boolean
}

/** An execution of a request the person may see; a missing one and a hidden one get the same answer. */
export async function readVisibleExecution(
  db: Kysely<Tables>,
  user: UserCaller,
  id: string,
): Promise<VisibleExecution> {
  const execution = await findExecution(db, id)
  if (!execution) throw new AppError('execution_not_found')
  try {
    const request = await readVisibleRequest(db, user, execution.requestId)
    return { execution, request, hasNoResult: isEnded(execution.status) && execution.result === 'none' }
  } catch (error) {
    if (isAppError(error, 'request_not_found')) throw new AppError('execution_not_found')
    throw error
  }
}
