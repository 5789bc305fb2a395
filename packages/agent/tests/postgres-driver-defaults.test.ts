import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '../src/drivers/driver.ts'
import { createPostgresDriver } from '../src/drivers/postgres.ts'
import { collect, createFixture, type Fixture } from './postgres-driver-fixture.ts'

const PASSWORD = randomBytes(9).toString('hex')
const ROLE = `strange_${PASSWORD}`

/** Defaults with which a careless driver would read other text than was approved, or read other values than were sent. */
const DEFAULTS = {
  standard_conforming_strings: 'off',
  backslash_quote: 'on',
  transform_null_equals: 'on',
  array_nulls: 'off',
  xmloption: 'document',
  client_encoding: 'latin1',
  datestyle: 'German',
  intervalstyle: 'iso_8601',
  bytea_output: 'escape',
  extra_float_digits: '-5',
  timezone: 'Asia/Tokyo',
  statement_timeout: '1ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '1ms',
  client_min_messages: 'debug5',
  search_path: 'mine, pg_catalog',
}

let fixture: Fixture
let url: string
beforeAll(async () => {
  fixture = await createFixture(`
    create role ${ROLE} login superuser password '${PASSWORD}';
    create schema mine;
    create function mine.set_config(text, text, bool) returns text language sql as $$ select 'mine'::text $$;
    create function mine.false_eq(oid, oid) returns bool language sql as $$ select false $$;
    create operator mine.= (leftarg = oid, rightarg = oid, function = mine.false_eq);
  `)
  for (const [name, value] of Object.entries(DEFAULTS)) {
    await fixture.database.query(`alter role ${ROLE} set ${name} = ${name === 'search_path' ? value : `'${value}'`}`)
    await fixture.database.query(
      `alter role ${ROLE} in database ${fixture.database.name} set ${name} = ${name === 'search_path' ? value : `'${value}'`}`,
    )
  }
  const own = new URL(fixture.database.url)
  own.username = ROLE
  own.password = PASSWORD
  url = own.href
})
afterAll(async () => {
  await fixture.database.query(`drop role ${ROLE}`)
  await fixture[Symbol.asyncDispose]()
})

const READS = `select 'a\\b', null = null, '{NULL}'::text[], timestamptz '2026-11-22 10:00+00', interval '1 day 2 hours',
  '\\xff00'::bytea, 0.1::float8 + 0.2::float8, 'é', current_setting('statement_timeout'), current_setting('lock_timeout')`
const AS_EVER = [
  'a\\b',
  null,
  '{NULL}',
  '2026-11-22 10:00:00+00',
  '1 day 02:00:00',
  '\\xff00',
  0.30000000000000004,
  'é',
  '10s',
  '5s',
]

async function read(session: Session) {
  await session.begin('read_only')
  const { rows } = await collect(session, READS)
  const pid = (await collect(session, 'select pg_catalog.pg_backend_pid()')).rows[0]?.[0]
  await session.commit()
  await session.release({ reuse: true })
  return { row: rows[0], pid }
}

describe('whatever the defaults of a role and its database are', () => {
  test('text is read and values are written as ever, also after a reset', async () => {
    await using driver = createPostgresDriver({ url })
    const open = () => driver.open({ readOnly: true, applicationName: 'x' })
    const first = await read(await open())
    const second = await read(await open())
    expect(first.row).toEqual(AS_EVER)
    expect(second.row).toEqual(AS_EVER)
    expect(second.pid).toBe(first.pid)
  })

  test('the role keeps its own search_path, which the agent does not depend on', async () => {
    await using driver = createPostgresDriver({ url })
    const session = await driver.open({ readOnly: false, applicationName: 'x' })
    await session.begin('read_write')
    expect((await collect(session, `select current_setting('search_path')`)).rows).toEqual([['mine, pg_catalog']])
    await expect(
      collect(session, 'select pg_sleep(20)', { limits: { statement_timeout_ms: 150 } }),
    ).rejects.toMatchObject({ code: 'statement_timeout' })
    await session.rollback()
    await session.release({ reuse: false })
  })
})

describe('a connection is kept', () => {
  const isKept = async (statement: string) => {
    await using own = await createFixture(statement)
    const pids = []
    for (let i = 0; i < 2; i++) {
      const session = await own.driver.open({ readOnly: true, applicationName: 'x' })
      pids.push((await read(session)).pid)
    }
    return pids[0] === pids[1]
  }

  test.each(['create extension pgcrypto', 'create function f() returns int language sql as $$ select 1 $$'])(
    'beside `%s`',
    async (statement) => expect(await isKept(statement)).toBe(true),
  )

  test.each(['create extension dblink', 'create extension postgres_fdw', 'create extension isn'])(
    'but not beside `%s`',
    async (statement) => expect(await isKept(statement)).toBe(false),
  )
})
