import { createTestDatabase, type TestDatabase } from '@twinlock/testing'
import type {
  Column,
  Limits,
  RunOptions,
  Session,
  StatementResult,
  TargetDriver,
  Value,
} from '../src/drivers/driver.ts'
import { createPostgresDriver } from '../src/drivers/postgres.ts'

export const LIMITS: Limits = {
  statement_timeout_ms: 10_000,
  lock_timeout_ms: 5_000,
  max_rows: 100_000,
  max_result_bytes: 100 * 1024 * 1024,
  max_field_bytes: 16 * 1024 * 1024,
}

export interface Collected extends StatementResult {
  columns: Column[] | undefined
  rows: Value[][]
}

/** Runs a statement and keeps its rows; in a transaction unless told otherwise. */
export async function collect(
  session: Session,
  sql: string,
  options: { limits?: Partial<Limits> } & Partial<Omit<RunOptions, 'limits' | 'sink'>> = {},
): Promise<Collected> {
  let columns: Column[] | undefined
  const rows: Value[][] = []
  const result = await session.run(sql, {
    inTransaction: options.inTransaction ?? true,
    limits: { ...LIMITS, ...options.limits },
    sink: {
      columns: (given) => {
        columns = given
      },
      rows: (given) => {
        rows.push(...given)
      },
    },
  })
  return { ...result, columns, rows }
}

export interface Fixture extends AsyncDisposable {
  database: TestDatabase
  driver: TargetDriver
  /** A session that is closed after `work`, in a transaction that is rolled back unless `work` ends it. */
  inTransaction<T>(mode: 'read_only' | 'read_write', work: (session: Session) => Promise<T>): Promise<T>
  outside<T>(work: (session: Session) => Promise<T>): Promise<T>
}

export async function createFixture(schema?: string): Promise<Fixture> {
  const database = await createTestDatabase(schema === undefined ? {} : { schema })
  const driver = createPostgresDriver({ url: database.url })
  const withSession = async <T>(work: (session: Session) => Promise<T>, isReadOnly: boolean) => {
    const session = await driver.open({ readOnly: isReadOnly, applicationName: 'twinlock exe_test' })
    try {
      return await work(session)
    } finally {
      await session.rollback()
      await session.release({ reuse: false })
    }
  }
  return {
    database,
    driver,
    outside: (work) => withSession(work, false),
    inTransaction: (mode, work) =>
      withSession(async (session) => {
        await session.begin(mode)
        return await work(session)
      }, mode === 'read_only'),
    async [Symbol.asyncDispose]() {
      await driver[Symbol.asyncDispose]()
      await database.drop()
    },
  }
}
