import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartError } from './start-error.ts'

const SQLITE_BUSY = 5

/**
 * Holds a state directory for this process alone. SQLite takes the kernel's own file lock, which Node offers nowhere
 * else: it ends with the process however that ends, and knows neither stale files nor reused process ids.
 */
export function lockStateDir(stateDir: string): Disposable {
  const database = new DatabaseSync(join(stateDir, 'lock'))
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY)
      throw new StartError(
        `state_dir ${stateDir} is in use by another agent`,
        'Two agents with one journal could run an execution twice.',
        'Stop the other agent, or give this one a state_dir and an agent_id of its own.',
      )
    throw new StartError(
      `state_dir ${stateDir} cannot be locked`,
      error instanceof Error ? error.message : 'unknown reason',
      'Use a directory on a local disk that this user may write.',
    )
  }
  return { [Symbol.dispose]: () => database.close() }
}
