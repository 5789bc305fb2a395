import { createDatabase, execute, hold } from './postgres-database.ts'
import { type LogEntry, readStatementLog } from './postgres-log.ts'

interface SharedPostgres {
  url: string
  logFile?: string
}

let shared: Promise<SharedPostgres> | undefined

/** A database of a test's own on the run's shared PostgreSQL. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string
  /** The superuser's. */
  readonly url: string
  /** Runs SQL as the superuser on a connection of its own; the last statement's rows. */
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** Runs SQL as the superuser on a connection that stays open, with its locks and its transaction, until it is disposed of. */
  hold(sql: string): Promise<AsyncDisposable>
  /** A copy of this database, which no session may be connected to. */
  clone(name?: string): Promise<TestDatabase>
  /** What the server was sent for this database until now. */
  statementLog(): Promise<LogEntry[]>
  drop(): Promise<void>
}

export async function createTestDatabase(options: { schema?: string; name?: string } = {}): Promise<TestDatabase> {
  const server = await sharedPostgres()
  const database = await create(server, options.name)
  if (options.schema !== undefined) await database.query(options.schema)
  return database
}

/** The run's PostgreSQL, which the first call starts. */
export async function sharedPostgres(): Promise<SharedPostgres> {
  shared ??= askBroker()
  return await shared
}

async function create(server: SharedPostgres, name: string | undefined, template?: string): Promise<TestDatabase> {
  const created = await createDatabase(server.url, name, template === undefined ? {} : { template })
  return {
    ...created,
    query: (sql, values) => execute(created.url, sql, values),
    hold: (sql) => hold(created.url, sql),
    clone: (cloneName) => create(server, cloneName, created.name),
    statementLog: async () => {
      if (server.logFile === undefined)
        throw new Error('The statement log of the server at TWINLOCK_TEST_POSTGRES_URL is not available.')
      return await readStatementLog(server.url, server.logFile, created.name)
    },
    [Symbol.asyncDispose]: created.drop,
  }
}

async function askBroker(): Promise<SharedPostgres> {
  // Imported here, because outside a test run Vitest cannot be loaded.
  const { inject } = await import('vitest')
  const broker = inject('postgresBroker')
  if (!broker)
    throw new Error('test.globalSetup of vitest.config.ts lacks packages/testing/src/postgres-global-setup.ts.')
  const response = await fetch(broker)
  const body = await response.text()
  if (!response.ok) throw new Error(body)
  return JSON.parse(body)
}
