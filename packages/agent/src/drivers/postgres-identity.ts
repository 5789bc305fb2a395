import { DriverError } from './driver.ts'
import type { PostgresConnection } from './postgres-connection.ts'

/** Names the server that a transaction ran on. */
export interface ServerIdentity {
  system_identifier: string
  timeline: number
}

/** The timeline is the one being written: a control file shows the old one for a while after a failover. */
const IDENTITY = `select (pg_catalog.pg_control_system()).system_identifier,
  pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8)`

/**
 * Undefined where the role may not ask, and on a standby, which writes no timeline and has none. Asked outside of any
 * transaction, because a refusal would end one.
 */
export async function readIdentity(connection: PostgresConnection): Promise<ServerIdentity | undefined> {
  try {
    const [row] = await connection.query(IDENTITY)
    const [system, timeline] = row ?? []
    if (typeof system !== 'string' || typeof timeline !== 'string') return undefined
    return { system_identifier: system, timeline: Number.parseInt(timeline, 16) }
  } catch (error) {
    if (error instanceof DriverError && error.code === 'database_error') return undefined
    throw error
  }
}
