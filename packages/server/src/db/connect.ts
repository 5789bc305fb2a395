import { chmodSync, existsSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Kysely, SqliteDialect, type Transaction } from 'kysely'
import { assertOutsideTransaction, createGroupCommit, type Durability } from './group-commit.ts'
import { migrate } from './migrate.ts'
import type { Tables } from './tables.ts'

export type Tx = Transaction<Tables>

/** The server's own state: one connection that writes, one that reads. */
export interface Database extends AsyncDisposable {
  /** Reads what was committed. Throws inside a transaction, where it would miss what that transaction wrote. */
  readonly read: Kysely<Tables>
  /** One transaction, `durable` unless told otherwise; they run one after another. Nothing but queries may be awaited in it. */
  transact<T>(work: (tx: Tx) => Promise<T>, durability?: Durability): Promise<T>
  /** Told after each transaction that was kept. */
  onCommit(tell: () => void): void
}

export async function connectSqlite(file: string): Promise<Database> {
  const isNew = !existsSync(file)
  const writing = openFile(file)
  const writer = toKysely(writing)
  if (isNew) chmodSync(file, 0o600)
  await migrate(writer)
  const reader = toKysely(openFile(file, { readOnly: true }))
  const commits = createGroupCommit(writer, writing)
  const told: (() => void)[] = []
  return {
    get read() {
      assertOutsideTransaction('read')
      return reader
    },
    async transact(work, durability = 'durable') {
      assertOutsideTransaction('open a second transaction')
      const result = await commits.run(work, durability)
      for (const tell of told) tell()
      return result
    },
    onCommit(tell) {
      told.push(tell)
    },
    async [Symbol.asyncDispose]() {
      await commits.settle()
      await reader.destroy()
      await writer.destroy()
    },
  }
}

function openFile(file: string, options: { readOnly?: boolean } = {}): DatabaseSync {
  const sqlite = new DatabaseSync(file, {
    readOnly: options.readOnly ?? false,
    enableForeignKeyConstraints: true,
    timeout: 5000,
  })
  // Whoever commits the page that fills the log waits for the whole of it to be carried over: seldom, then.
  if (!options.readOnly)
    sqlite.exec('pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 4000')
  return sqlite
}

const MAX_PREPARED = 500

/** node:sqlite in the shape of the driver that Kysely's SQLite dialect is written for; prepared statements are kept. */
function toKysely(sqlite: DatabaseSync): Kysely<Tables> {
  const prepared = new Map<string, ReturnType<typeof prepare>>()

  function prepare(sql: string) {
    const statement = sqlite.prepare(sql)
    return {
      reader: statement.columns().length > 0,
      all: (parameters: readonly unknown[]) => statement.all(...toBindable(parameters)),
      run: (parameters: readonly unknown[]) => statement.run(...toBindable(parameters)),
      iterate: (parameters: readonly unknown[]) => iterate(sqlite.prepare(sql), parameters),
    }
  }

  return new Kysely<Tables>({
    dialect: new SqliteDialect({
      database: {
        prepare(sql: string) {
          const statement = prepared.get(sql) ?? prepare(sql)
          if (prepared.size < MAX_PREPARED) prepared.set(sql, statement)
          return statement
        },
        close: () => sqlite.close(),
      },
    }),
  })
}

function iterate(statement: StatementSync, parameters: readonly unknown[]): IterableIterator<unknown> {
  return statement.iterate(...toBindable(parameters)) as IterableIterator<unknown>
}

/** SQLite would bind a Date or a boolean as something else without a word. */
function toBindable(parameters: readonly unknown[]) {
  return parameters.map((parameter) => {
    if (parameter === null || typeof parameter === 'string' || parameter instanceof Uint8Array) return parameter
    if (typeof parameter === 'number' && Number.isSafeInteger(parameter)) return parameter
    throw new TypeError(`a ${typeof parameter} cannot be stored`)
  })
}
