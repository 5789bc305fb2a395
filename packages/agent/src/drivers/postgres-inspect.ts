import type pg from 'pg'
import type { Inspection } from './driver.ts'
import { checkPostgres } from './postgres-check.ts'
import { PostgresConnection } from './postgres-connection.ts'
import { readIdentity } from './postgres-identity.ts'
import { pinSettings } from './postgres-pooler.ts'

const ROLE = `select r.rolname, r.rolsuper, r.rolreplication, r.rolcreaterole, r.rolcreatedb, r.rolbypassrls
  from pg_catalog.pg_roles r where r.rolname operator(pg_catalog.=) current_user`

/** Roles whose rights reach beyond tables, and the ones a member could become. */
const MEMBERSHIPS = `select r.rolname, r.rolsuper from pg_catalog.pg_roles r
  where (r.rolsuper or r.rolname::pg_catalog.text operator(pg_catalog.=) any ($1::pg_catalog.text[]))
    and r.rolname operator(pg_catalog.<>) current_user
    and pg_catalog.pg_has_role(r.oid, 'MEMBER') order by 1`

const WRITABLE = `select n.nspname::pg_catalog.text operator(pg_catalog.||) '.' operator(pg_catalog.||) c.relname::pg_catalog.text
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
  where c.relkind operator(pg_catalog.=) any ('{r,p,v,f}'::"char"[]) and ${isOwn('n.nspname')}
    and (pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
      or pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE')) order by 1`

const CREATABLE = `select 'schema ' operator(pg_catalog.||) n.nspname::pg_catalog.text from pg_catalog.pg_namespace n
  where ${isOwn('n.nspname')} and pg_catalog.has_schema_privilege(n.oid, 'CREATE')
  union all select 'the database' where pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')`

const CLOCK = 'select extract(epoch from pg_catalog.clock_timestamp())'

const POWERS: Readonly<Record<string, string>> = {
  pg_execute_server_program: 'can run programs on the database server',
  pg_read_server_files: 'can read files of the database server',
  pg_write_server_files: 'can write files of the database server',
  pg_signal_backend: "can end other people's sessions",
  pg_read_all_data: 'can read every table, whatever was granted',
  pg_write_all_data: 'can write every table, whatever was granted',
  pg_maintain: 'can lock and rewrite every table',
  pg_create_subscription: 'can have data come in from other servers',
}
const ATTRIBUTES = [
  'is a superuser: every limit of the database ends there',
  'can replicate: it may copy the whole server',
  'can create roles and grant what they hold',
  'can create databases',
  'ignores row-level security',
]

/** Looks at what a role can do; the session is read-only, and nothing is changed. */
export async function inspectPostgres(config: pg.ClientConfig, signal?: AbortSignal): Promise<Inspection> {
  await checkPostgres(config, signal)
  await using connection = await PostgresConnection.connect(config, signal)
  // Before a pooler the start-up options may not have come through.
  await pinSettings(connection)
  const [[role, ...attributes] = []] = await connection.query(ROLE)
  const memberships = await connection.query(MEMBERSHIPS, [`{${Object.keys(POWERS).join()}}`])
  const sentAt = Date.now()
  const [[seconds] = []] = await connection.query(CLOCK)
  const between = (sentAt + Date.now()) / 2
  const isSuperuser = attributes[0] === 't'
  return {
    role: role ?? '',
    serverVersion: connection.serverVersion,
    isEncrypted: connection.isEncrypted,
    clockSkewMs: Math.round(Number(seconds) * 1000 - between),
    // A superuser is all of them.
    powers: isSuperuser
      ? ATTRIBUTES.slice(0, 1)
      : [
          ...ATTRIBUTES.filter((_, i) => attributes[i] === 't'),
          ...memberships.map(([name, isSuper]) =>
            isSuper === 't' ? `can become the superuser ${name}` : `${POWERS[name ?? '']} (${name})`,
          ),
        ],
    writable: [...(await connection.query(WRITABLE)), ...(await connection.query(CREATABLE))].map(
      ([name]) => name ?? '',
    ),
    canAskTransactions: (await readIdentity(connection)) !== undefined,
  }
}

function isOwn(schema: string): string {
  return `${schema}::pg_catalog.text operator(pg_catalog.<>) 'information_schema'
    and not pg_catalog.starts_with(${schema}::pg_catalog.text, 'pg_')`
}
