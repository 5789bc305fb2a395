import type pg from 'pg'
import { DriverError, type TargetFacts } from './driver.ts'
import { PostgresConnection } from './postgres-connection.ts'
import { assertKeepsSession, explainRefusedOptions } from './postgres-pooler.ts'

/** With two servers behind a pooler, three sessions cannot each have their own. */
const OTHERS = 2

/** Connects and looks, on connections of its own; changes nothing. Throws a DriverError that says why the database is not to be served. */
export async function checkPostgres(config: pg.ClientConfig, signal?: AbortSignal): Promise<TargetFacts> {
  const connection = await PostgresConnection.connect(config, signal).catch((error: unknown) => {
    throw explainRefusedOptions(error)
  })
  using _ = connection.destroyOn(signal)
  try {
    const [row] = await connection.query('select pg_catalog.version()')
    const version = row?.[0] ?? ''
    // Others speak its protocol.
    if (!version.startsWith('PostgreSQL '))
      throw new DriverError('dialect_mismatch', `The database says that it is ${version.slice(0, 60)}, not PostgreSQL.`)
    await assertKeepsSession(connection, config, OTHERS, signal)
    return { serverVersion: connection.serverVersion }
  } finally {
    await connection[Symbol.asyncDispose]()
  }
}
