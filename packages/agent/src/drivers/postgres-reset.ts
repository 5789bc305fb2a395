import { randomInt } from 'node:crypto'
import type { PostgresConnection } from './postgres-connection.ts'

/** Libraries of extensions whose functions keep nothing from one call to the next. */
const KEEPING_NOTHING = [
  ...['pg_stat_statements', 'pgcrypto', 'citext', 'hstore', 'btree_gin', 'btree_gist', 'pg_trgm', 'uuid-ossp'],
  ...['ltree', 'cube', 'seg', '_int', 'fuzzystrmatch', 'unaccent', 'vector', 'pgstattuple', 'pg_buffercache'],
].map((name) => `$libdir/${name}`)

/**
 * What DISCARD ALL leaves: the state of random(), and whatever lies within libraries, such as dblink's connections or
 * the variables of PL/Perl. A read that calls no function by name may still have called one, through a view or an
 * operator, so the catalog is asked for code that could keep something.
 */
const IS_CLEAN = `select pg_catalog.setseed($1::pg_catalog.float8), not exists (
  select from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid operator(pg_catalog.=) p.prolang
  where p.oid operator(pg_catalog.>=) 16384::pg_catalog.oid
    and l.lanname::pg_catalog.text operator(pg_catalog.<>) all ('{internal,sql,plpgsql}'::pg_catalog.text[])
    and (l.lanname::pg_catalog.text operator(pg_catalog.<>) 'c'
      or p.probin operator(pg_catalog.<>) all ($2::pg_catalog.text[])))`

/** Whether nothing of its last user is left in the session. */
export async function resetSession(connection: PostgresConnection): Promise<boolean> {
  try {
    await connection.query('DISCARD ALL')
    const [row] = await connection.query(IS_CLEAN, [
      String(randomInt(-(2 ** 40), 2 ** 40) / 2 ** 40),
      `{${KEEPING_NOTHING.map((library) => `"${library}"`).join()}}`,
    ])
    return row?.[1] === 't'
  } catch {
    return false
  }
}
