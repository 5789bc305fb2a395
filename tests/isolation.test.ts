import { query, startTestStack, type TestStack } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Everything runs by itself, also what is privileged: nothing but the agent keeps requests apart. */
const CONFIG = `
[[databases]]
name = "app"
environments = ["development", "production"]
dialect = "postgresql"

[[workflows]]
database = "app"
environment = "*"
operations = ["select", "dml", "ddl", "privileged"]
auto_approve = "always"
`

/** `leave_behind` is reached through a view, so that what calls it looks like a plain read. */
const SCHEMA = `
create table orders (id int primary key, status text);
insert into orders values (1, 'real');
create function leave_behind() returns int language plpgsql volatile as $$ begin
  perform set_config('search_path', 'pg_temp', false), set_config('statement_timeout', '0', false),
    set_config('timezone', 'Asia/Tokyo', false), set_config('datestyle', 'German', false),
    set_config('work_mem', '123MB', false), set_config('leftover.mark', 'set', false);
  perform pg_advisory_lock(4711), setseed(0.25);
  execute 'listen leftover';
  execute 'prepare leftover as select 1';
  return 1;
end $$;
create view innocent as select leave_behind() as n;
create sequence counter;
create operator @#@ (leftarg = int, rightarg = int, function = int4pl);
`

/** More than the pool of a target keeps. */
const TIMES = 6

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack({ schema: SCHEMA, server: { config: CONFIG } })
  await stack.development.query('create extension dblink')
  await stack.development.query(`
    create function keep_connected() returns text language sql volatile as
      $$ select dblink_connect('leftover', ${quote(keywords(stack.development.url))}) $$;
    create view connected as select keep_connected() as answer;
  `)
})
afterAll(() => stack[Symbol.asyncDispose]())

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`

function keywords(url: string): string {
  const { hostname, port, username, password, pathname } = new URL(url)
  return `host=${hostname} port=${port} user=${username} password=${password} dbname=${pathname.slice(1)}`
}

const LEAVE_EVERYTHING = `
create temp table orders (id int, status text);
insert into orders values (2, 'false');
set search_path = pg_temp, public;
select pg_advisory_lock(4711);
listen leftover;
prepare leftover as select 1;
declare leftover cursor with hold for select 1;
set statement_timeout = 0;
set lock_timeout = 0;
set idle_in_transaction_session_timeout = 0;
set work_mem = '123MB';
set enable_seqscan = off;
set timezone = 'Asia/Tokyo';
set datestyle = 'German';
set intervalstyle = 'iso_8601';
set bytea_output = 'escape';
set extra_float_digits = 0;
set leftover.mark = 'set';
set client_min_messages = 'debug5';
set session_replication_role = 'replica';
load 'auto_explain';
set auto_explain.log_min_duration = 0;
select setseed(0.25);
do $$ begin perform set_config('jit', 'off', false), set_config('row_security', 'off', false); end $$`

/** What the next request sees; nothing but built-ins, so that its connection is reused in turn. */
const LOOK = `select status, current_setting('search_path'), current_setting('timezone'), current_setting('datestyle'),
  current_setting('intervalstyle'), current_setting('bytea_output'), current_setting('extra_float_digits'),
  current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('work_mem'),
  current_setting('enable_seqscan'), current_setting('idle_in_transaction_session_timeout'),
  coalesce(current_setting('leftover.mark', true), ''), current_setting('session_replication_role'),
  current_setting('client_min_messages'), current_setting('row_security'), current_setting('standard_conforming_strings'),
  current_setting('client_encoding'), coalesce(current_setting('auto_explain.log_min_duration', true), 'not loaded'),
  (select count(*) from pg_catalog.pg_prepared_statements), (select count(*) from pg_catalog.pg_cursors where name = 'leftover'),
  (select count(*) from pg_catalog.pg_class where relpersistence = 't' and relname = 'orders' and pg_table_is_visible(oid)),
  (select count(*) from pg_catalog.pg_locks where locktype = 'advisory' and objid = 4711), random() = 0.0
  from orders`
const NOTHING_LEFT = ['real', '"$user", public', 'UTC', 'ISO, MDY', 'postgres', 'hex', '1', '30s', '5s', '4MB']
  .concat('on', '1min', '', 'origin', 'error', 'on', 'on', 'UTF8')
  .concat('not loaded', '0', '0', '0', '0')

async function look(target: string): Promise<void> {
  const { execution, result } = await query(stack.alice.client, LOOK, target)
  expect(execution).toMatchObject({ status: 'succeeded', error: null })
  expect(result[0]?.rows).toEqual([[...NOTHING_LEFT, false]])
}

async function leave(sql: string, target: string): Promise<void> {
  const { execution } = await query(stack.alice.client, sql, target)
  expect(execution).toMatchObject({ status: 'succeeded', error: null })
}

describe.each(['app/development', 'app/production'])('on %s', (target) => {
  it('a request that leaves behind all it can is not seen by those after it, nor by those beside it', async () => {
    await look(target)
    for (let i = 0; i < TIMES; i++) {
      await leave(LEAVE_EVERYTHING, target)
      await look(target)
    }
    await Promise.all(
      Array.from({ length: TIMES }, async (_, i) => {
        if (i % 3 === 0) await leave(LEAVE_EVERYTHING.replaceAll('4711', '4712'), target)
        await look(target)
      }),
    )
  })

  it('neither is what a function does that hides behind a view', async () => {
    for (let i = 0; i < TIMES; i++) {
      await leave('select n from innocent', target)
      await look(target)
    }
  })
})

describe('a connection', () => {
  const isThere = async (pid: unknown) => {
    const found = await stack.production.query('select 1 from pg_stat_activity where pid = $1', [pid])
    return found.length > 0
  }
  const pidAfter = async (sql: string, target = 'app/production') => {
    const { execution, result } = await query(stack.alice.client, sql, target)
    expect(execution).toMatchObject({ status: 'succeeded', error: null })
    return result.at(-1)?.rows[0]?.[0]
  }

  it('is used again after a plain select', async () => {
    const pids = new Set<unknown>()
    // Given back after the answer: the next one may be quicker.
    for (let i = 0; i < 3 * TIMES; i++) pids.add(await pidAfter('select pg_backend_pid(), status from orders'))
    expect(pids.size).toBeLessThan(TIMES)
  })

  it.each([
    "select pg_backend_pid(), set_config('work_mem', '5MB', false)",
    "set work_mem = '5MB'; select pg_backend_pid()",
    'select pg_backend_pid(), pg_advisory_lock(1)',
    'select pg_backend_pid(), pg_advisory_xact_lock(1)',
    "select pg_backend_pid(), nextval('counter')",
    'select pg_backend_pid(), leave_behind()',
    'select pg_backend_pid(), 1 @#@ 2',
    'select pg_backend_pid() from orders for update',
    'select pg_backend_pid() into temp t; select pid from pg_stat_activity where pid = pg_backend_pid()',
    'update orders set status = status where false; select pg_backend_pid()',
    'select pg_backend_pid(), setseed(0.5)',
    'do $$ begin end $$; select pg_backend_pid()',
  ])('is closed after `%s`', async (sql) => {
    const pid = await pidAfter(sql)
    await expect.poll(() => isThere(pid), { timeout: 10_000 }).toBe(false)
  })

  it('is closed after any select where an extension might keep something', async () => {
    const pid = await pidAfter('select pg_backend_pid()', 'app/development')
    await expect.poll(() => isThere(pid), { timeout: 10_000 }).toBe(false)
  })

  it('to another server, made behind a view, ends with the request', async () => {
    for (let i = 0; i < TIMES; i++) {
      expect(await pidAfter('select answer from connected', 'app/development')).toBe('OK')
      expect(await pidAfter('select dblink_get_connections()', 'app/development')).toBeNull()
    }
  })
})
