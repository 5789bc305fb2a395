import type pg from 'pg'
import { DriverError } from './driver.ts'
import { PostgresConnection } from './postgres-connection.ts'
import { pinnedSettings } from './postgres-settings.ts'

const BACKEND = 'select pg_catalog.pg_backend_pid()'
/** A pooler has no free session for us, or another database has no time; neither says that sessions are shared. */
const ANSWER_MS = 2_000
const ROUNDS = 4

const PINNED = Object.entries(pinnedSettings)
const PIN = `select ${PINNED.map((_, i) => `pg_catalog.set_config($${2 * i + 1}, $${2 * i + 2}, false)`).join(', ')}`

/**
 * Whether a server answers that is not the one that greeted: the backend named at start-up (BackendKeyData) is another
 * than `pg_backend_pid()`. PgBouncer makes the key up in every pool mode, so this alone refuses nobody.
 */
export function isPooled(connection: PostgresConnection, backend: string | null | undefined): boolean {
  return Number(backend) !== connection.processId
}

/**
 * Throws `pooler_detected` when a session does not stay with one backend. What is relied on: a session of PostgreSQL
 * has one backend process for its whole life and shares it with no other session; so over transactions of several
 * connections, some of them held open while the others ask, each must see one backend, its own. Which server a pooler
 * takes next (the last one used, the next in turn, any) makes no difference: with the last, the second connection meets
 * the first one's; with turns or chance, one connection meets two. A pooler in session mode passes.
 */
async function assertKeepsSessions(connections: readonly PostgresConnection[]): Promise<void> {
  const seen = new Map<string, PostgresConnection>()
  const own = new Map<PostgresConnection, string>()
  const look = async (connection: PostgresConnection) => {
    const backend = await backendOf(connection)
    if (backend === undefined) return
    const before = own.get(connection)
    if ((before !== undefined && before !== backend) || (seen.get(backend) ?? connection) !== connection)
      throw poolerDetected('sessions do not keep their backend from one transaction to the next')
    own.set(connection, backend)
    seen.set(backend, connection)
  }
  for (const connection of connections) await look(connection)
  for (const holding of connections.filter((connection) => own.has(connection))) {
    await begin(holding)
    await look(holding)
    for (const other of connections) if (other !== holding && own.has(other)) await look(other)
    await holding.query('ROLLBACK')
  }
  for (let round = 0; round < ROUNDS; round++)
    for (const connection of connections) if (own.has(connection)) await look(connection)
}

/** Opens others beside `first`, and closes them again. */
export async function assertKeepsSession(
  first: PostgresConnection,
  config: pg.ClientConfig,
  others: number,
  signal?: AbortSignal,
): Promise<void> {
  const opened: PostgresConnection[] = []
  try {
    // The role may have no more connections: then the ones there are must do.
    const attempts = Array.from({ length: others }, () => PostgresConnection.connect(config, signal))
    for (const attempt of await Promise.allSettled(attempts))
      if (attempt.status === 'fulfilled') opened.push(attempt.value)
    await assertKeepsSessions([first, ...opened])
  } finally {
    await Promise.all(opened.map((connection) => connection[Symbol.asyncDispose]()))
  }
}

/** A pooler may not pass start-up options on; in a session that stays ours, settings do as well. */
export async function pinSettings(connection: PostgresConnection): Promise<void> {
  await connection.query(PIN, PINNED.flat())
}

/** PgBouncer's answer to start-up options, unless it is told to ignore them. */
export function explainRefusedOptions(error: unknown): unknown {
  if (!(error instanceof DriverError) || !/unsupported startup parameter/.test(error.message)) return error
  return poolerDetected('it does not take the start-up options that pin the session')
}

function poolerDetected(why: string): DriverError {
  return new DriverError('pooler_detected', `A pooler stands before the database, and ${why}.`, { hint: REMEDY })
}

const REMEDY =
  'Point url at the database itself. Or at PgBouncer with pool_mode = session and ignore_startup_parameters = options, where settings, locks and temporary tables of one session never reach another.'

/** Undefined when there was no answer: in session mode with a small pool, the others wait for the first to end. */
async function backendOf(connection: PostgresConnection): Promise<string | undefined> {
  try {
    const [row] = await connection.query(BACKEND, [], ANSWER_MS)
    return row?.[0] ?? undefined
  } catch (error) {
    if (error instanceof DriverError && error.code === 'connection_lost') return undefined
    throw error
  }
}

async function begin(connection: PostgresConnection): Promise<void> {
  await connection.query('BEGIN').catch((error: unknown) => {
    throw error instanceof DriverError && /statement pooling/.test(error.message)
      ? poolerDetected('it does not let transactions through')
      : error
  })
}
