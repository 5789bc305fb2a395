import { type AuditEvent, eventsOf } from '../audit/append-audit.ts'
import type { Database } from '../db/connect.ts'
import type { Metrics } from './metrics.ts'

/** The same store, with its units of work counted, and their events once they are committed. */
export function countTransactions(db: Database, metrics: Metrics): Database {
  return {
    get read() {
      return db.read
    },
    async transact(work, durability = 'durable') {
      const noted: { events: AuditEvent[]; hasFailed: boolean } = { events: [], hasFailed: false }
      try {
        const value = await db.transact((tx) => eventsOf.run(noted, () => work(tx)), durability)
        metrics.committed(durability, noted.events)
        return value
      } catch (error) {
        if (noted.hasFailed) metrics.auditFailed()
        metrics.rolledBack()
        throw error
      }
    },
    onCommit: (...given) => db.onCommit(...given),
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  }
}
