import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Holds `state_dir` for one server: a second one would answer from a state that the first is changing. The lock is the
 * operating system's and ends with the process, however it ends.
 */
export function lockStateDir(stateDir: string): Disposable {
  const file = join(stateDir, 'lock.db')
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('pragma locking_mode = exclusive; pragma journal_mode = memory; begin exclusive')
    chmodSync(file, 0o600)
  } catch {
    lock.close()
    throw new Error(`${stateDir} is in use by another server; stop it, or give this one a state_dir of its own`)
  }
  return { [Symbol.dispose]: () => lock.close() }
}
