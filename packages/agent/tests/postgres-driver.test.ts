import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Value } from '../src/drivers/driver.ts'
import { collect, createFixture, type Fixture, LIMITS } from './postgres-driver-fixture.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await createFixture(`
    create type mood as enum ('sad', 'happy');
    create type pair as (n int, "a b" text);
    create domain percent as int check (value between 0 and 100);
    create table item (id bigint generated always as identity primary key, name varchar(20), price numeric(38,10));
    create table nothing ();
    insert into nothing default values; insert into nothing default values;
  `)
})
afterAll(() => fixture?.[Symbol.asyncDispose]())

const read = (sql: string) => fixture.inTransaction('read_only', (session) => collect(session, sql))

describe('a value is exact and its column names its type', () => {
  const values: [sql: string, type: string, value: Value][] = [
    ['9007199254740993::bigint', 'bigint', '9007199254740993'],
    ['1::bigint', 'bigint', '1'],
    ['32767::smallint', 'smallint', 32767],
    ['(-2147483648)::int', 'integer', -2147483648],
    ['4294967295::oid', 'oid', 4294967295],
    [
      '1234567890123456789012345678.0123456789::numeric(38,10)',
      'numeric(38,10)',
      '1234567890123456789012345678.0123456789',
    ],
    ['1.10::numeric', 'numeric', '1.10'],
    ["'NaN'::numeric", 'numeric', 'NaN'],
    ['0.1::float8', 'double precision', 0.1],
    ['1e300::float8', 'double precision', 1e300],
    ['0.1::float4', 'real', 0.1],
    ["'NaN'::float8", 'double precision', 'NaN'],
    ["'Infinity'::float8", 'double precision', 'Infinity'],
    ["'-Infinity'::float4", 'real', '-Infinity'],
    ["'-0'::float8", 'double precision', '-0'],
    ['true', 'boolean', true],
    ['1 = 2', 'boolean', false],
    ['null::boolean', 'boolean', null],
    ['null::int', 'integer', null],
    ["''::text", 'text', ''],
    ["'ünï 😀'::varchar(20)", 'character varying(20)', 'ünï 😀'],
    ["'\\x00ff10'::bytea", 'bytea', '\\x00ff10'],
    [
      `'{"b": 12345678901234567890.10, "a": 1, "a": 2}'::json`,
      'json',
      '{"b": 12345678901234567890.10, "a": 1, "a": 2}',
    ],
    [`'{"b": 12345678901234567890.10, "a": 1}'::jsonb`, 'jsonb', '{"a": 1, "b": 12345678901234567890.10}'],
    ['array[1,null,3]', 'integer[]', '{1,NULL,3}'],
    [`array['a,b', 'c"d', null]::varchar(9)[]`, 'character varying(9)[]', '{"a,b","c\\"d",NULL}'],
    [`row(1, 'x y')::pair`, 'pair', '(1,"x y")'],
    ["'happy'::mood", 'mood', 'happy'],
    ["array['sad']::mood[]", 'mood[]', '{sad}'],
    ['50::percent', 'integer', 50],
    ["'infinity'::timestamptz", 'timestamp with time zone', 'infinity'],
    ["'2026-01-02 03:04:05.678901+02'::timestamptz", 'timestamp with time zone', '2026-01-02 01:04:05.678901+00'],
    ["'2026-01-02 03:04'::timestamp(3)", 'timestamp(3) without time zone', '2026-01-02 03:04:00'],
    ["'0044-03-15 BC'::date", 'date', '0044-03-15 BC'],
    ["'1 year 2 mons -3 days 04:05:06.7'::interval", 'interval', '1 year 2 mons -3 days +04:05:06.7'],
    ["'[1,5)'::int4range", 'int4range', '[1,5)'],
    ["'10.0.0.1/8'::inet", 'inet', '10.0.0.1/8'],
    ["B'101'::bit(3)", 'bit(3)', '101'],
    ["'00000000-0000-0000-0000-000000000001'::uuid", 'uuid', '00000000-0000-0000-0000-000000000001'],
  ]
  test.each(values)('%s', async (sql, type, value) => {
    const { columns, rows } = await read(`select ${sql} as v`)
    expect(columns).toEqual([{ name: 'v', type }])
    expect(rows).toEqual([[value]])
  })

  test('settings of the role and the database do not change them', async () => {
    const { name } = fixture.database
    for (const setting of [
      "datestyle = 'SQL, DMY'",
      "timezone = 'Asia/Tokyo'",
      "bytea_output = 'escape'",
      'extra_float_digits = -3',
      "intervalstyle = 'iso_8601'",
      "client_encoding = 'latin1'",
    ]) {
      await fixture.database.query(`alter database ${name} set ${setting}`)
    }
    try {
      const { rows } = await read(
        `select '2026-01-02 03:04Z'::timestamptz, '\\x00'::bytea, 0.1::float8 + 0.2, '1 day'::interval, 'é€'`,
      )
      expect(rows).toEqual([['2026-01-02 03:04:00+00', '\\x00', 0.30000000000000004, '1 day', 'é€']])
    } finally {
      await fixture.database.query(`alter database ${name} reset all`)
    }
  })
})

describe('a result', () => {
  test('keeps the order and the duplicate names of its columns', async () => {
    const { columns, rows } = await read('select 1 as a, 2 as b, 3 as a, 4')
    expect(columns?.map((column) => column.name)).toEqual(['a', 'b', 'a', '?column?'])
    expect(rows).toEqual([[1, 2, 3, 4]])
  })

  test('has columns when it has no rows', async () => {
    expect(await read('select id, price from item where false')).toEqual({
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'price', type: 'numeric(38,10)' },
      ],
      rows: [],
      rowCount: 0,
      affectedRows: null,
      truncated: false,
    })
  })

  test('may have rows without columns', async () => {
    expect(await read('select from nothing')).toMatchObject({ columns: [], rows: [[], []], rowCount: 2 })
  })

  test('is absent from a statement that returns none', async () => {
    await fixture.inTransaction('read_write', async (session) => {
      const none = { columns: undefined, rows: [], rowCount: null, affectedRows: null, truncated: false }
      expect(await collect(session, 'create table t (n int)')).toEqual(none)
      expect(await collect(session, ' -- only a comment')).toEqual(none)
      expect(await collect(session, "do $$ begin raise notice 'noted'; end $$")).toEqual(none)
    })
  })

  test('counts what was written, and brings what RETURNING returns', async () => {
    await fixture.inTransaction('read_write', async (session) => {
      const insert = await collect(
        session,
        "insert into item (name, price) values ('a', 1), ('b', 2) returning name, price",
      )
      expect(insert).toMatchObject({ affectedRows: 2, rowCount: 2 })
      expect(insert.rows).toEqual([
        ['a', '1.0000000000'],
        ['b', '2.0000000000'],
      ])
      expect(await collect(session, "update item set name = 'c' where name = 'a'")).toMatchObject({
        affectedRows: 1,
        rowCount: null,
      })
      expect(await collect(session, "delete from item where name = 'none'")).toMatchObject({ affectedRows: 0 })
      expect(
        await collect(
          session,
          'merge into item using (values (1)) v on false when not matched then insert (name) values (null)',
        ),
      ).toMatchObject({ affectedRows: 1 })
      expect(await collect(session, 'create table copy as select * from item')).toMatchObject({
        affectedRows: null,
        rowCount: null,
      })
      expect(await collect(session, 'select * from item')).toMatchObject({ affectedRows: null, rowCount: 3 })
    })
  })

  test('comes from utility statements too', async () => {
    expect((await read('show server_encoding')).rows).toEqual([['UTF8']])
    expect((await read('explain (costs off) select 1')).rows).toEqual([['Result']])
  })

  test('reaches the sink in rounds, none while the sink still works on one', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      const rounds: number[] = []
      let isWorking = false
      let next = 1
      const result = await session.run('select n, n * n::numeric from generate_series(1, 25000) n', {
        inTransaction: true,
        limits: LIMITS,
        sink: {
          columns: (columns) => expect(columns).toHaveLength(2),
          rows: async (rows) => {
            expect(isWorking).toBe(false)
            isWorking = true
            for (const [n, square] of rows) {
              expect([n, square]).toEqual([next, String(next * next)])
              next += 1
            }
            await new Promise((resolve) => setImmediate(resolve))
            rounds.push(rows.length)
            isWorking = false
          },
        },
      })
      expect(result).toEqual({ rowCount: 25000, affectedRows: null, truncated: false })
      expect(next).toBe(25001)
      expect(rounds.length).toBeGreaterThan(20)
      expect(Math.max(...rounds)).toBeLessThanOrEqual(1000)
    })
  })

  test('of wide rows comes in rounds of fewer rows', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      const rounds: number[] = []
      await session.run(`select repeat('x', 400000) from generate_series(1, 150)`, {
        inTransaction: true,
        limits: LIMITS,
        sink: { columns: () => {}, rows: (rows) => void rounds.push(rows.length) },
      })
      expect(rounds).toEqual([2, ...Array.from({ length: 13 }, () => 11), 5])
    })
  })
})

describe('what is sent', () => {
  // Only a server that was started here shows its log.
  test.runIf(!process.env.TWINLOCK_TEST_POSTGRES_URL)('is one statement, exactly as it was given', async () => {
    const sql = "  select 1 as one /* ü */\n\t-- end ;\n  , '\\n$1' as text ; "
    expect((await read(sql)).rows).toEqual([[1, '\\n$1']])
    const log = await fixture.database.statementLog()
    const sent = log.filter((entry) => entry.message.includes('as one'))
    expect(sent.map((entry) => entry.message.replace(/^execute (fetch from )?<unnamed>\S*: /, ''))).toEqual([sql])
    expect(sent[0]?.applicationName).toBe('twinlock exe_test')
  })

  test('is refused by the server itself when it is two statements', async () => {
    await fixture.inTransaction('read_write', async (session) => {
      await expect(collect(session, 'create table two (n int); select 1')).rejects.toMatchObject({
        code: 'database_error',
        sqlstate: '42601',
      })
    })
  })

  test.each([
    ['a NUL character', 'select 1\0; drop table item'],
    ['half a surrogate pair', "select '\ud83d'"],
  ])('never has %s', async (_, sql) => {
    await fixture.inTransaction('read_only', async (session) => {
      await expect(collect(session, sql)).rejects.toMatchObject({ code: 'protocol_error' })
      expect((await collect(session, 'select 1')).rows).toEqual([[1]])
    })
  })

  test('has no parameters', async () => {
    await expect(read('select $1::int')).rejects.toMatchObject({ code: 'database_error', sqlstate: '08P01' })
  })
})

describe('an error of the database', () => {
  test('has its SQLSTATE, its place, its detail and its hint', async () => {
    await expect(read("select 'ü😀', nme from item")).rejects.toMatchObject({
      name: 'DriverError',
      code: 'database_error',
      sqlstate: '42703',
      position: 14,
      hint: expect.stringContaining('item.name'),
    })
    await fixture.inTransaction('read_write', async (session) => {
      await collect(session, 'create table u (n int primary key)')
      await expect(collect(session, 'insert into u values (1), (1)')).rejects.toMatchObject({
        sqlstate: '23505',
        detail: 'Key (n)=(1) already exists.',
      })
      await expect(collect(session, 'select 1')).rejects.toMatchObject({ sqlstate: '25P02' })
    })
  })

  test('after some rows fails the statement, and the session goes on', async () => {
    await fixture.outside(async (session) => {
      await session.begin('read_only')
      const seen: Value[][] = []
      const sink = { columns: () => {}, rows: (rows: Value[][]) => void seen.push(...rows) }
      await expect(
        session.run('select 1 / (500 - n) from generate_series(1, 1000) n', {
          inTransaction: true,
          limits: LIMITS,
          sink,
        }),
      ).rejects.toMatchObject({ sqlstate: '22012' })
      expect(seen).toHaveLength(2)
      await session.rollback()
      await session.begin('read_only')
      expect((await collect(session, 'select 2')).rows).toEqual([[2]])
    })
  })

  test('of the sink is passed on, and the session goes on', async () => {
    await fixture.outside(async (session) => {
      await session.begin('read_only')
      const sink = { columns: () => {}, rows: () => Promise.reject(new Error('disk full')) }
      const run = session.run('select generate_series(1, 5000)', { inTransaction: true, limits: LIMITS, sink })
      await expect(run).rejects.toThrow('disk full')
      await session.rollback()
      await session.begin('read_only')
      expect((await collect(session, 'select 2')).rows).toEqual([[2]])
    })
  })

  test.each(['copy (select 1) to stdout', 'copy item (name) from stdin', 'copy item to stdout (format binary)'])(
    '%s is refused by name',
    async (sql) => {
      await fixture.inTransaction('read_write', async (session) => {
        await expect(collect(session, sql)).rejects.toMatchObject({ code: 'copy_refused' })
      })
      expect((await read('select 1')).rows).toEqual([[1]])
    },
  )
})
