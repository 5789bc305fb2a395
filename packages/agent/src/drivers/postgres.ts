import type pg from 'pg'
import {
  DriverError,
  type OpenOptions,
  type Session,
  type TargetDriver,
  type TransactionRef,
  type TransactionStatus,
} from './driver.ts'
import { checkPostgres } from './postgres-check.ts'
import { PostgresConnection } from './postgres-connection.ts'
import { readIdentity, type ServerIdentity } from './postgres-identity.ts'
import { inspectPostgres } from './postgres-inspect.ts'
import { assertKeepsSession, explainRefusedOptions, isPooled, pinSettings } from './postgres-pooler.ts'
import { resetSession } from './postgres-reset.ts'
import { PostgresSession } from './postgres-session.ts'
import { IDLE_APPLICATION_NAME, toApplicationName, toClientConfig } from './postgres-settings.ts'
import type { TypeNames } from './postgres-types.ts'

export interface PostgresDriverOptions {
  url: string
  /** Where sessions that only read are opened; `url` by default. */
  readOnlyUrl?: string | undefined
  /** PEM; the server must then speak TLS with a certificate of this authority. */
  ca?: string | undefined
}

const MAX_IDLE = 4
const IDLE_MS = 30_000
/** A server that is there answers a kept connection at once; one that is not should be asked anew. */
const IDLE_ANSWER_MS = 3_000

const SET_APPLICATION_NAME = `select pg_catalog.set_config('application_name', $1, false), pg_catalog.pg_backend_pid()`
interface Pooled {
  connection: PostgresConnection
  config: pg.ClientConfig
  identity: ServerIdentity | undefined
}

interface Idle extends Pooled {
  timer: NodeJS.Timeout
}

export function createPostgresDriver(options: PostgresDriverOptions): TargetDriver {
  const main = toClientConfig(options.url, options.ca)
  const readOnly = options.readOnlyUrl === undefined ? main : toClientConfig(options.readOnlyUrl, options.ca)
  const typeNames: TypeNames = new Map()
  const idle = new Set<Idle>()
  const open = new Set<PostgresConnection>()
  let isDisposed = false

  async function take(config: pg.ClientConfig, name: string, signal?: AbortSignal): Promise<Pooled> {
    if (isDisposed) throw new DriverError('connection_failed', 'The driver is closed.')
    for (const candidate of [...idle].filter((entry) => entry.config === config)) {
      if (signal?.aborted) break
      idle.delete(candidate)
      clearTimeout(candidate.timer)
      try {
        return await prepare(candidate, name, signal, IDLE_ANSWER_MS)
      } catch {
        // It died while it was idle. Behind a line that swallows everything each of the others would be waited for.
        forgetIdle()
        break
      }
    }
    const connection = await PostgresConnection.connect(config, signal).catch((error: unknown) => {
      throw explainRefusedOptions(error)
    })
    try {
      return await prepare({ connection, config, identity: undefined }, name, signal)
    } catch (error) {
      if (error instanceof DriverError && error.code === 'pooler_detected') throw error
      throw new DriverError('connection_failed', 'The database does not take statements.', { cause: error })
    }
  }

  async function prepare(entry: Pooled, name: string, signal?: AbortSignal, timeoutMs?: number): Promise<Pooled> {
    open.add(entry.connection)
    using _ = entry.connection.destroyOn(signal)
    try {
      const [row] = await entry.connection.query(SET_APPLICATION_NAME, [name], timeoutMs)
      // A pooler may be put in, or be told to share sessions, at any time.
      if (isPooled(entry.connection, row?.[1])) {
        await assertKeepsSession(entry.connection, entry.config, 1, signal)
        await pinSettings(entry.connection)
      }
      const identity = entry.config === main ? (entry.identity ?? (await readIdentity(entry.connection))) : undefined
      return { connection: entry.connection, config: entry.config, identity }
    } catch (error) {
      await close(entry.connection)
      throw error
    }
  }

  async function giveBack(entry: Pooled, reuse: boolean): Promise<void> {
    const isKept = reuse && idle.size < MAX_IDLE && (await resetSession(entry.connection))
    // Asked again: others were given back during the reset.
    if (!isKept || isDisposed || idle.size >= MAX_IDLE) return await close(entry.connection)
    open.delete(entry.connection)
    const kept: Idle = {
      ...entry,
      timer: setTimeout(() => {
        idle.delete(kept)
        void close(kept.connection)
      }, IDLE_MS).unref(),
    }
    idle.add(kept)
  }

  function forgetIdle(): void {
    for (const entry of idle) {
      clearTimeout(entry.timer)
      void close(entry.connection)
    }
    idle.clear()
  }

  async function close(connection: PostgresConnection): Promise<void> {
    open.delete(connection)
    await connection[Symbol.asyncDispose]()
  }

  async function using<T>(work: (taken: Pooled) => Promise<T>): Promise<T> {
    const taken = await take(main, IDLE_APPLICATION_NAME)
    try {
      return await work(taken)
    } finally {
      await close(taken.connection)
    }
  }

  return {
    async open({ readOnly: isReadOnly, applicationName, signal }: OpenOptions): Promise<Session> {
      const config = isReadOnly ? readOnly : main
      const taken = await take(config, toApplicationName(applicationName), signal).catch((error: unknown) => {
        throw signal?.aborted ? new DriverError('cancelled', 'The connection was not waited for any longer.') : error
      })
      const { connection, identity } = taken
      return new PostgresSession(connection, { identity, typeNames, giveBack: (reuse) => giveBack(taken, reuse) })
    },

    async check(signal) {
      if (isDisposed) throw new DriverError('connection_failed', 'The driver is closed.')
      const facts = await checkPostgres(main, signal)
      if (readOnly !== main) await checkPostgres(readOnly, signal)
      return facts
    },

    inspect: (access) => inspectPostgres(access === 'read_only' ? readOnly : main),

    transactionStatus: (ref: TransactionRef) =>
      using(async ({ connection, identity }): Promise<TransactionStatus> => {
        if (identity?.system_identifier !== ref.system_identifier || identity.timeline !== ref.timeline)
          return 'unknown'
        return await readTransactionStatus(connection, ref.transaction_id)
      }),

    async [Symbol.asyncDispose]() {
      isDisposed = true
      for (const { timer } of idle) clearTimeout(timer)
      const all = [...[...idle].map((entry) => entry.connection), ...open]
      idle.clear()
      await Promise.all(all.map(close))
    },
  }
}

async function readTransactionStatus(connection: PostgresConnection, id: string): Promise<TransactionStatus> {
  try {
    const [row] = await connection.query('select pg_catalog.pg_xact_status($1::pg_catalog.xid8)', [id])
    switch (row?.[0]) {
      case 'committed':
      case 'aborted':
        return row[0]
      case 'in progress':
        return 'in_progress'
      default:
        return 'unknown'
    }
  } catch (error) {
    // An id that this server has not given out yet.
    if (error instanceof DriverError && error.code === 'database_error') return 'unknown'
    throw error
  }
}
