import { randomBytes } from 'node:crypto'
import pg from 'pg'

export interface CreatedDatabase {
  name: string
  url: string
  drop(): Promise<void>
}

/** Creates a database beside the one that `url` names, under a name of its own unless one is given. */
export async function createDatabase(
  url: string,
  name = `test_${randomBytes(8).toString('hex')}`,
  options: { template?: string } = {},
): Promise<CreatedDatabase> {
  const template = options.template === undefined ? '' : ` template ${pg.escapeIdentifier(options.template)}`
  await execute(url, `create database ${pg.escapeIdentifier(name)}${template}`)
  const created = new URL(url)
  created.pathname = `/${encodeURIComponent(name)}`
  return {
    name,
    url: created.href,
    drop: async () => {
      await execute(url, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`)
    },
  }
}

/** Runs SQL on a connection of its own; the last statement's rows. */
export async function execute(url: string, sql: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const result: pg.QueryResult | pg.QueryResult[] = await client.query(sql, values)
    return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? []
  } finally {
    await client.end()
  }
}

/** Runs SQL on a connection that stays open until it is disposed of. */
export async function hold(url: string, sql: string): Promise<AsyncDisposable> {
  const client = new pg.Client({ connectionString: url })
  // The database may be dropped under it.
  client.on('error', () => {})
  await client.connect()
  await client.query(sql)
  return { [Symbol.asyncDispose]: () => client.end() }
}

export async function readServerVersion(url: string): Promise<string> {
  const [row] = await execute(url, 'show server_version')
  return String(row?.server_version)
}
