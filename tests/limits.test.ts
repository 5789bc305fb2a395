import { query, startTestStack, submit, type TestStack } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

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
[workflows.limits]
statement_timeout = "1s"
lock_timeout = "500ms"
max_rows = 50
max_result_bytes = 100000
max_field_bytes = 20000
`

const SCHEMA = `
create table orders (id int primary key, status text);
insert into orders select n, 'open' from generate_series(1, 1000) n;
create function lift_and_sleep() returns int language plpgsql volatile set statement_timeout = 0 as
  $$ begin perform pg_sleep(60); return 1; end $$;
create function lift_and_compute() returns int language plpgsql volatile as $$ begin
  perform set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false);
  loop begin perform count(*) from generate_series(1, 100000); end; end loop;
end $$;
create function stubborn() returns int language plpgsql volatile as $$ begin
  loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop;
end $$;
create table late (n int);
create function sleep_late() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return null; end $$;
create constraint trigger late after insert on late deferrable initially deferred for each row execute function sleep_late();
`

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack({ schema: SCHEMA, server: { config: CONFIG } })
})
afterAll(() => stack[Symbol.asyncDispose]())

const run = async (sql: string) => (await query(stack.alice.client, sql)).execution
const active = () =>
  stack.development.query(
    `select query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`,
  )

describe('the time of a statement is not lifted', () => {
  it.each([
    'set statement_timeout = 0; update orders set status = status where id = 1; select pg_sleep(60)',
    "select set_config('statement_timeout', '0', false); select pg_sleep(60)",
    "select set_config('statement_timeout', '0', false), pg_sleep(60)",
    "do $$ begin perform set_config('statement_timeout', '0', false); perform pg_sleep(60); end $$",
    'select lift_and_sleep()',
    'select lift_and_compute()',
    'alter role current_user in database postgres set statement_timeout = 0; select pg_sleep(60)',
    "select set_config('statement_timeout', '0', false), pg_sleep(0.1) from generate_series(1, 100000)",
    'set statement_timeout = 0; insert into late values (1)',
    "select set_config('statement_timeout', '0', false); insert into late values (1)",
    'do $$ begin loop begin set local statement_timeout = 0; perform pg_sleep(0.1); end; end loop; end $$',
  ])('by `%s`', async (sql) => {
    expect(await run(sql)).toMatchObject({
      status: 'failed',
      effect: 'rolled_back',
      error: { code: 'statement_timeout' },
    })
    await expect.poll(active, { timeout: 10_000 }).toEqual([])
    expect(await stack.development.query('select * from late')).toEqual([])
  })

  it('by a function that swallows the cancel: its connection is closed, and nothing of it is committed', async () => {
    expect(await run("update orders set status = 'stubborn' where id = 2; select stubborn()")).toMatchObject({
      status: 'failed',
      effect: 'rolled_back',
      error: { code: 'statement_timeout' },
    })
    expect(await stack.development.query('select status from orders where id = 2')).toEqual([{ status: 'open' }])
    // It cannot be ended from outside but by its administrator.
    await stack.development.query(
      `select pg_terminate_backend(pid, 10000) from pg_stat_activity where query like '%select stubborn()' and pid <> pg_backend_pid()`,
    )
  })

  it('nor is the time for a lock', async () => {
    await using holder = await stack.development.hold('begin; update orders set status = status where id = 3')
    expect(holder).toBeDefined()
    for (const lift of ['set lock_timeout = 0', "select set_config('lock_timeout', '0', false)"])
      expect(await run(`${lift}; update orders set status = 'mine' where id = 3`)).toMatchObject({
        effect: 'rolled_back',
        error: { code: 'lock_timeout', sqlstate: '55P03' },
      })
  })
})

describe('rows and bytes', () => {
  it('rows beyond the limit are left out, and the result says so', async () => {
    const { result } = await query(stack.alice.client, 'select id from orders')
    expect(result[0]).toMatchObject({ trailer: { row_count: 50, truncated: true } })
    expect(result[0]?.rows).toHaveLength(50)
  })

  it('so are bytes', async () => {
    const { result } = await query(stack.alice.client, "select repeat('x', 9996) from generate_series(1, 20)")
    expect(result[0]).toMatchObject({ trailer: { row_count: 10, truncated: true } })
  })

  it('empty and missing values count as well', async () => {
    const { result } = await query(stack.alice.client, `select ${Array(1600).fill('null').join()} from orders`)
    expect(result[0]).toMatchObject({ trailer: { row_count: 15, truncated: true } })
  })

  it('a value beyond its limit fails the execution, and what it wrote is undone', async () => {
    const sql = "update orders set status = 'big' where id = 4; select repeat('x', 20001)"
    expect(await run(sql)).toMatchObject({ effect: 'rolled_back', error: { code: 'field_too_large', statement: 2 } })
    expect(await stack.development.query('select status from orders where id = 4')).toEqual([{ status: 'open' }])
  })
})

describe('COPY through the client', () => {
  it.each([
    'copy orders to stdout',
    'copy orders from stdin',
    'copy (select 1) to stdout',
    'copy orders (id) from stdin with (format csv)',
    'select 1; copy orders to stdout',
  ])('`%s` is refused by name', async (sql) => {
    await expect(submit(stack.alice.client, sql)).rejects.toMatchObject({
      code: 'statement_forbidden',
      message: expect.stringContaining('COPY from or to the client'),
    })
  })

  it.each(['copy orders to stdout', 'copy orders from stdin'])('`%s` inside a block is refused too', async (sql) => {
    expect(await run(`do $$ begin execute '${sql}'; end $$`)).toMatchObject({ status: 'failed', effect: 'rolled_back' })
    expect((await query(stack.alice.client, 'select 1')).result[0]?.rows).toEqual([[1]])
  })
})

describe('a statement that runs outside a transaction', () => {
  const CREATE = 'create index concurrently later on orders (status)'

  it('is held to the limits, and says that what it had done stays', async () => {
    await using _ = await stack.development.hold('begin; update orders set status = status where id = 5')
    expect(await run(CREATE)).toMatchObject({
      status: 'failed',
      effect: 'partial',
      error: { code: 'lock_timeout', hint: expect.stringContaining('invalid index') },
      statements: [{ status: 'failed' }],
    })
    expect(await stack.development.query('select 1 from pg_index where not indisvalid')).toHaveLength(1)
  })

  it('that did not begin had no effect', async () => {
    expect(await run('create index concurrently other on orders (lower(no_such_column))')).toMatchObject({
      status: 'failed',
      effect: 'rolled_back',
      error: { hint: null },
    })
  })

  it.each(['drop index concurrently later', CREATE, 'reindex index concurrently later', 'vacuum orders'])(
    '`%s` runs, and its connection is closed',
    async (sql) => {
      expect(await run(sql)).toMatchObject({ status: 'succeeded', effect: 'committed' })
      const left = `select 1 from pg_stat_activity where datname = current_database() and query = '${sql}'`
      await expect.poll(() => stack.development.query(left), { timeout: 10_000 }).toEqual([])
    },
  )

  it('stands alone in its request', async () => {
    await expect(submit(stack.alice.client, `${CREATE}; select 1`)).rejects.toMatchObject({
      code: 'mixed_transactionality',
    })
  })
})
