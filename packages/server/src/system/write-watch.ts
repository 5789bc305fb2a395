import { statfs } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import type { Database } from '../db/connect.ts'
import { isStorageFull, isStoreFailure } from '../disk-error.ts'

/** Less than a few changes take. */
const LEAST_FREE_BYTES = 2 * 2 ** 20
const PROBE_EVERY_MS = 1000

export interface WriteWatch {
  readonly db: Database
  /** Undefined while the state can be written, as far as is known; otherwise why it cannot. */
  findProblem(): Promise<string | undefined>
}

/** The same store, and whether it can be written: by what the last change met, and, only while that was a failure, by a try. */
export function watchWrites(db: Database, stateDir: string, clock: Pick<Clock, 'now'>): WriteWatch {
  let failedAt: number | undefined
  const watched: Database = {
    get read() {
      return db.read
    },
    async transact(work, durability) {
      try {
        const value = await db.transact(work, durability)
        failedAt = undefined
        return value
      } catch (error) {
        if (isStorageFull(error) || isStoreFailure(error)) failedAt = clock.now()
        throw error
      }
    },
    onCommit: (...given) => db.onCommit(...given),
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  }

  async function tryToWrite(): Promise<void> {
    await watched
      .transact((tx) =>
        tx
          .updateTable('meta')
          .set((eb) => ({ value: eb.ref('value') }))
          .where('key', '=', 'server_id')
          .execute(),
      )
      .catch(() => {})
  }

  return {
    db: watched,
    async findProblem() {
      const { bavail, bsize } = await statfs(stateDir)
      if (bavail * bsize < LEAST_FREE_BYTES) return 'the disk of the state is full'
      if (failedAt !== undefined && clock.now() - failedAt >= PROBE_EVERY_MS) await tryToWrite()
      return failedAt === undefined ? undefined : 'the state cannot be written'
    },
  }
}
