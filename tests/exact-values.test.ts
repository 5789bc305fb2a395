import { api } from '@twinlock/contract'
import { execute, query, readResult, startTestStack, submit, type TestStack } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const SCHEMA = `
create type mood as enum ('calm', 'tense');
create type point3 as (x int, y numeric, label text);
create table orders (id bigint primary key, status text not null, total numeric(12,2));
insert into orders select n, 'open', n * 1.10 from generate_series(1, 5) n;
`
let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack({ schema: SCHEMA })
})
afterAll(() => stack[Symbol.asyncDispose]())

describe('submit, approve, run, read', () => {
  it('a write waits for another person, runs, and returns its count', async () => {
    const { alice, bob } = stack
    const request = await submit(alice.client, "update orders set status = 'closed' where id = 3", 'app/production')
    expect(request.status).toBe('pending')
    await bob.client.call(api.requests.approve, { params: { id: request.id }, body: { step: 1, comment: 'checked' } })
    const execution = await execute(alice.client, request)
    expect(execution).toMatchObject({
      status: 'succeeded',
      effect: 'committed',
      agent: 'test-agent',
      error: null,
      statements: [{ status: 'succeeded', affected_rows: 1, row_count: null }],
    })
    expect(await stack.production.query('select id from orders where status = $1', ['closed'])).toEqual([{ id: '3' }])
    expect(await alice.client.call(api.requests.get, { params: { id: request.id } })).toMatchObject({
      status: 'completed',
      executions_left: 0,
      reviews: [{ by: 'bob', decision: 'approve', comment: 'checked' }],
    })
  })

  it('values come back exact', async () => {
    const values: [sql: string, type: string, value: unknown][] = [
      ['9223372036854775807', 'bigint', '9223372036854775807'],
      ['9007199254740993::bigint', 'bigint', '9007199254740993'],
      ['1.1::numeric(38,10)', 'numeric(38,10)', '1.1000000000'],
      ["'NaN'::numeric", 'numeric', 'NaN'],
      ["'NaN'::float8", 'double precision', 'NaN'],
      ["'-Infinity'::float8", 'double precision', '-Infinity'],
      ['0.1::float8 + 0.2::float8', 'double precision', 0.30000000000000004],
      ['1.1::real', 'real', 1.1],
      ["'infinity'::timestamptz", 'timestamp with time zone', 'infinity'],
      ["'\\xdeadbeef'::bytea", 'bytea', '\\xdeadbeef'],
      [
        '\'{"b": 12345678901234567890.10, "a": [1, null]}\'::json',
        'json',
        '{"b": 12345678901234567890.10, "a": [1, null]}',
      ],
      ['array[[1,2],[3,null]]', 'integer[]', '{{1,2},{3,NULL}}'],
      ['row(1, 2.50, \'a "b"\')::point3', 'point3', '(1,2.50,"a ""b""")'],
      ["'tense'::mood", 'mood', 'tense'],
      ["'1 year 2 days'::interval", 'interval', '1 year 2 days'],
      ['null::text', 'text', null],
      ["''", 'text', ''],
      ['true', 'boolean', true],
      ['42', 'integer', 42],
      ["E'tab\\there'", 'text', 'tab\there'],
      ["'日本語 🔒'", 'text', '日本語 🔒'],
    ]
    const { result } = await query(
      stack.alice.client,
      `select ${values.map(([sql], i) => `${sql} as c${i}`).join(', ')}`,
    )
    expect(result[0]?.rows).toEqual([values.map(([, , value]) => value)])
    expect(result[0]?.columns.map(({ type }) => type)).toEqual(values.map(([, type]) => type))
  })

  it('duplicate column names keep their places', async () => {
    const { result } = await query(stack.alice.client, 'select 1 as a, 2 as a, 3 as b, 4 as a')
    expect(result[0]?.columns.map(({ name }) => name)).toEqual(['a', 'a', 'b', 'a'])
    expect(result[0]?.rows).toEqual([[1, 2, 3, 4]])
  })

  it('an empty result has its columns', async () => {
    const { result } = await query(stack.alice.client, 'select id, total from orders where false')
    expect(result).toMatchObject([
      {
        columns: [
          { name: 'id', type: 'bigint' },
          { name: 'total', type: 'numeric(12,2)' },
        ],
        rows: [],
        trailer: { row_count: 0 },
      },
    ])
  })

  it('RETURNING returns its rows', async () => {
    const { result, execution } = await query(stack.alice.client, 'delete from orders where id > 3 returning id, total')
    expect(result[0]?.rows).toEqual([
      ['4', '4.40'],
      ['5', '5.50'],
    ])
    expect(execution.statements).toEqual([{ status: 'succeeded', affected_rows: 2, row_count: 2 }])
  })

  it('several statements each have a result, in one transaction', async () => {
    const { result, execution } = await query(
      stack.alice.client,
      "insert into orders values (10, 'new', 1); select status from orders where id = 10; update orders set total = 2 where id = 10;",
    )
    expect(result).toHaveLength(3)
    expect(result[1]?.rows).toEqual([['new']])
    expect(execution.statements.map(({ affected_rows }) => affected_rows)).toEqual([1, null, 1])
  })

  it('when one of several fails, none has an effect, and each says how far it came', async () => {
    const { execution } = await query(
      stack.alice.client,
      "insert into orders values (11, 'x', 1); select 1/0; select 2",
    )
    expect(execution).toMatchObject({
      status: 'failed',
      effect: 'rolled_back',
      error: { code: 'database_error', sqlstate: '22012', statement: 2 },
      statements: [{ status: 'succeeded' }, { status: 'failed' }, { status: 'not_run' }],
    })
    expect(await stack.development.query('select * from orders where id = 11')).toEqual([])
  })

  it('a result larger than a chunk arrives whole', async () => {
    const { result } = await query(
      stack.alice.client,
      "select n, repeat('x', 500) as pad from generate_series(1, 5000) n",
    )
    expect(result[0]?.rows).toHaveLength(5000)
    expect(result[0]?.rows.at(-1)?.[0]).toBe(5000)
    expect(result[0]?.trailer).toMatchObject({ row_count: 5000, truncated: false })
  })

  it('a database error tells the requester all, and others no values', async () => {
    const { execution } = await query(stack.alice.client, "insert into orders values (1, 'a secret status', 1)")
    expect(execution.error).toMatchObject({ sqlstate: '23505', detail: expect.stringContaining('(id)=(1)') })
    const seen = await stack.server.admin.client.call(api.executions.get, { params: { id: execution.id } })
    expect(seen.error).toMatchObject({ sqlstate: '23505', detail: null })
    expect(JSON.stringify(seen)).not.toContain('(id)=(1)')
  })

  it('rows are for the requester alone', async () => {
    const { execution } = await query(stack.alice.client, 'select 1')
    await expect(readResult(stack.server.admin.client, execution.id)).rejects.toMatchObject({ code: 'not_requester' })
  })
})
