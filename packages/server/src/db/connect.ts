import { AsyncLocalStorage } from 'node:async_hooks'
import { chmodSync, existsSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Kysely, SqliteDialect, type Transaction } from 'kysely'
import { migrate } from './migrate.ts'
import type { Tables } from './tables.ts'

export type Tx = Transaction<Tables>

/** The server's own state: one connection that writes, one that reads. */
export interface Database extends AsyncDisposable {
  /** Reads what was committed. Throws inside a transaction, where it would miss what that transaction wrote. */
  readonly read: Kysely<Tables>
  /** One durable transaction; transactions run one after another. Nothing but queries may be awaited in it. */
  transact<T>(work: (tx: Tx) => Promise<T>): Promise<T>
}

const insideTransaction = new AsyncLocalStorage<true>()

export async function connectSqlite(file: string): Promise<Database> {
  const isNew = !existsSync(file)
  const writer = openConnection(file)
  if (isNew) chmodSync(file, 0o600)
  await migrate(writer)
  const reader = openConnection(file, { readOnly: true })
  return {
    get read() {
      assertOutside('read')
      return reader
    },
    transact(work) {
      assertOutside('open a second transaction')
      return writer.transaction().execute((tx) => insideTransaction.run(true, () => work(tx)))
    },
    async [Symbol.asyncDispose]() {
      await reader.destroy()
      await writer.destroy()
    },
  }
}

/** With one connection per direction, waiting for it from within a transaction would be waiting for ever. */
function assertOutside(what: string): void {
  if (insideTransaction.getStore()) throw new Error(`a use case tried to ${what} inside a transaction; pass tx instead`)
}

function openConnection(file: string, options: { readOnly?: boolean } = {}): Kysely<Tables> {
  const sqlite = new DatabaseSync(file, {
    readOnly: options.readOnly ?? false,
    enableForeignKeyConstraints: true,
    timeout: 5000,
  })
  if (!options.readOnly) sqlite.exec('pragma journal_mode = wal; pragma synchronous = full')
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: toKysely(sqlite) }) })
}

/** node:sqlite in the shape of the driver that Kysely's SQLite dialect is written for; prepared statements are kept. */
function toKysely(sqlite: DatabaseSync) {
  const prepared = new Map<string, StatementSync>()
  return {
    prepare(sql: string) {
      const statement = prepared.get(sql) ?? sqlite.prepare(sql)
      if (prepared.size < 500) prepared.set(sql, statement)
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...toBindable(parameters)),
        run: (parameters: readonly unknown[]) => statement.run(...toBindable(parameters)),
        iterate: (parameters: readonly unknown[]) =>
          sqlite.prepare(sql).iterate(...toBindable(parameters)) as IterableIterator<unknown>,
      }
    },
    close: () => sqlite.close(),
  }
}

/** SQLite would bind a Date or a boolean as something else without a word. */
function toBindable(parameters: readonly unknown[]) {
  return parameters.map((parameter) => {
    if (parameter === null || typeof parameter === 'string' || parameter instanceof Uint8Array) return parameter
    if (typeof parameter === 'number' && Number.isSafeInteger(parameter)) return parameter
    throw new TypeError(`a ${typeof parameter} cannot be stored`)
  })
}
