import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session, Value } from '../src/drivers/driver.ts'
import { collect, createFixture, type Fixture, LIMITS } from './postgres-driver-fixture.ts'

/** A statement that no interrupt of the client's connection ends, only a cancel. */
const CPU_BOUND = 'select count(*) from generate_series(1, 4000000000) a'

let fixture: Fixture
beforeAll(async () => {
  fixture = await createFixture(`
    create table calls (n int);
    create table job (id int primary key);
    insert into job values (1);
    create function noted(n int) returns int language plpgsql volatile as
      $$ begin insert into calls values (n); return n; end $$;
  `)
})
afterAll(() => fixture?.[Symbol.asyncDispose]())

const isGone = async (fragment: string) => {
  for (let i = 0; i < 200; i += 1) {
    const rows = await fixture.database.query(
      `select 1 from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()`,
      [`%${fragment}%`],
    )
    if (rows.length === 0) return true
    await sleep(25)
  }
  return false
}

/** Starts a statement and waits until the server runs it. */
async function started(session: Session, sql: string, inTransaction = true) {
  const running = collect(session, sql, { inTransaction })
  running.catch(() => {})
  for (let i = 0; i < 400; i += 1) {
    const rows = await fixture.database.query(`select 1 from pg_stat_activity where state = 'active' and query = $1`, [
      sql,
    ])
    if (rows.length > 0) return { running }
    await sleep(10)
  }
  throw new Error('The statement never started.')
}

describe('rows and bytes', () => {
  test.each([
    [0, 0, true],
    [9, 9, true],
    [10, 10, false],
    [11, 10, false],
  ])('at most %i rows of ten give %i', async (max_rows, rowCount, truncated) => {
    await fixture.inTransaction('read_only', async (session) => {
      const result = await collect(session, 'select generate_series(1, 10)', { limits: { max_rows } })
      expect(result).toMatchObject({ rowCount, truncated, rows: Array.from({ length: rowCount }, (_, i) => [i + 1]) })
      expect((await collect(session, 'select 1')).rows).toEqual([[1]])
    })
  })

  test('a limit that falls on the end of a round neither loses a row nor calls a whole result truncated', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      for (const max_rows of [1, 2, 3, 1001, 1002, 1003]) {
        const whole = await collect(session, `select generate_series(1, ${max_rows})`, { limits: { max_rows } })
        expect(whole).toMatchObject({ rowCount: max_rows, truncated: false })
        const cut = await collect(session, `select generate_series(1, ${max_rows} + 1)`, { limits: { max_rows } })
        expect(cut).toMatchObject({ rowCount: max_rows, truncated: true })
      }
    })
  })

  test('bytes, four for each value and its own, truncate a result between two rows', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      const sql = "select repeat('x', 1000) from generate_series(1, 500)"
      expect(await collect(session, sql, { limits: { max_result_bytes: 251_999 } })).toMatchObject({
        rowCount: 250,
        truncated: true,
      })
      expect(await collect(session, sql, { limits: { max_result_bytes: 502_000 } })).toMatchObject({
        rowCount: 500,
        truncated: false,
      })
    })
  })

  test('a statement that may write runs to its end, however few of its rows are wanted', async () => {
    await fixture.inTransaction('read_write', async (session) => {
      const limits = { max_rows: 10 }
      expect(await collect(session, 'select noted(n) from generate_series(1, 5000) n', { limits })).toMatchObject({
        rowCount: 10,
        truncated: true,
      })
      expect((await collect(session, 'select count(*), sum(n) from calls')).rows).toEqual([['5000', '12502500']])
      expect(await collect(session, 'update calls set n = 0 returning n', { limits })).toMatchObject({
        rowCount: 10,
        affectedRows: 5000,
        truncated: true,
      })
      expect(await collect(session, 'delete from calls returning n')).toMatchObject({
        rowCount: 5000,
        affectedRows: 5000,
        truncated: false,
      })
    })
  })

  test('outside a transaction the rest of a result is dropped and the statement is done', async () => {
    await fixture.outside(async (session) => {
      const sql = 'insert into calls select generate_series(1, 300) returning n'
      const result = await collect(session, sql, { inTransaction: false, limits: { max_rows: 5 } })
      expect(result).toMatchObject({
        rowCount: 5,
        affectedRows: 300,
        truncated: true,
        columns: [{ name: 'n', type: 'integer' }],
      })
    })
    expect(await fixture.database.query('delete from calls returning 1')).toHaveLength(300)
  })
})

describe('a field over its limit', () => {
  test('ends the connection, undoes the write and disturbs no other session', async () => {
    await fixture.inTransaction('read_only', async (other) => {
      await collect(other, 'select 1')
      await fixture.inTransaction('read_write', async (session) => {
        await collect(session, 'insert into calls values (77)')
        const limits = { max_field_bytes: 10_000 }
        expect((await collect(session, "select repeat('x', 10000), repeat('y', 9000)", { limits })).rowCount).toBe(1)
        await expect(collect(session, "select 1, repeat('x', 10001)", { limits })).rejects.toMatchObject({
          code: 'field_too_large',
        })
        await expect(collect(session, 'select 1')).rejects.toMatchObject({ code: 'field_too_large' })
        await expect(session.commit()).rejects.toMatchObject({ code: 'field_too_large' })
      })
      expect((await collect(other, 'select 2')).rows).toEqual([[2]])
    })
    expect(await fixture.database.query('select n from calls where n = 77')).toEqual([])
  })

  test('of 600 MB does not enter memory', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      const before = process.memoryUsage.rss()
      // PostgreSQL itself takes seconds to make it.
      const limits = { statement_timeout_ms: 120_000 }
      await expect(collect(session, "select repeat('x', 600000000)", { limits })).rejects.toMatchObject({
        code: 'field_too_large',
      })
      expect(process.memoryUsage.rss() - before).toBeLessThan(128 * 1024 * 1024)
    })
  }, 120_000)

  test('a row of allowed fields that is over the whole result is not held either', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      const fields = Array.from({ length: 8 }, () => "repeat('x', 1000000)").join()
      await expect(
        collect(session, `select ${fields}`, { limits: { max_result_bytes: 5_000_000 } }),
      ).rejects.toMatchObject({
        code: 'result_too_large',
      })
    })
  })
})

describe('time', () => {
  test('a statement over its timeout fails, and the session can roll back', async () => {
    await fixture.outside(async (session) => {
      await session.begin('read_write')
      const limits = { statement_timeout_ms: 150 }
      await expect(collect(session, 'select pg_sleep(20)', { limits })).rejects.toMatchObject({
        code: 'statement_timeout',
        sqlstate: '57014',
      })
      await session.rollback()
      await session.begin('read_write')
      expect((await collect(session, 'select 1')).rows).toEqual([[1]])
    })
  })

  test('a lock that is not given in time is a lock_timeout; NOWAIT is not', async () => {
    await fixture.inTransaction('read_write', async (holder) => {
      await collect(holder, 'select * from job for update')
      await fixture.inTransaction('read_write', async (waiter) => {
        await expect(
          collect(waiter, 'select * from job for update', { limits: { lock_timeout_ms: 120 } }),
        ).rejects.toMatchObject({ code: 'lock_timeout', sqlstate: '55P03' })
      })
      await fixture.inTransaction('read_write', async (waiter) => {
        await expect(collect(waiter, 'select * from job for update nowait')).rejects.toMatchObject({
          code: 'database_error',
          sqlstate: '55P03',
        })
      })
    })
  })

  test.each([
    'set statement_timeout = 0',
    'set local statement_timeout = 0',
    "select set_config('statement_timeout', '0', false)",
  ])('limits are set again after `%s`', async (lift) => {
    await fixture.inTransaction('read_write', async (session) => {
      await collect(session, lift)
      await expect(
        collect(session, 'select pg_sleep(20)', { limits: { statement_timeout_ms: 150 } }),
      ).rejects.toMatchObject({ code: 'statement_timeout' })
    })
  })

  test('limits hold outside a transaction', async () => {
    await fixture.outside(async (session) => {
      await expect(
        collect(session, 'select pg_sleep(20)', { inTransaction: false, limits: { statement_timeout_ms: 150 } }),
      ).rejects.toMatchObject({ code: 'statement_timeout' })
    })
  })

  test('a sink that is slower than the timeout does not make the statement late', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      let rounds = 0
      const result = await session.run('select generate_series(1, 1500)', {
        inTransaction: true,
        limits: { ...LIMITS, statement_timeout_ms: 200 },
        sink: {
          columns: () => sleep(300),
          rows: async () => {
            rounds += 1
            await sleep(300)
          },
        },
      })
      expect(result.rowCount).toBe(1500)
      expect(rounds).toBeGreaterThan(2)
    })
  })

  test('rounds that are each within the timeout are together not', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      // Each round of a hundred rows or more sleeps longer than a tenth of a second.
      const run = session.run("select repeat('x', 50000), pg_sleep(0.004) from generate_series(1, 100000)", {
        inTransaction: true,
        limits: { ...LIMITS, statement_timeout_ms: 900 },
        sink: { columns: () => {}, rows: () => {} },
      })
      await expect(run).rejects.toMatchObject({ code: 'statement_timeout' })
    })
  })
})

describe('cancel', () => {
  test.each([
    ['a sleeping statement', 'select pg_sleep(3600) as sleeping'],
    ['a statement that only computes', CPU_BOUND],
    ['a statement that writes', 'insert into calls select 5 from generate_series(1, 2000000000)'],
  ])('ends %s', async (_, sql) => {
    await fixture.outside(async (session) => {
      await session.begin('read_write')
      const { running } = await started(session, sql)
      await session.cancel('the requester asked for it')
      await expect(running).rejects.toMatchObject({ code: 'cancelled', message: 'the requester asked for it' })
      await expect(collect(session, 'select 1')).rejects.toMatchObject({ code: 'cancelled' })
      await session.rollback()
    })
    expect(await isGone(sql)).toBe(true)
    expect(await fixture.database.query('select 1 from calls where n = 5')).toEqual([])
  })

  test('while the sink works ends the statement before its next round', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      const seen: Value[][] = []
      const run = session.run('select generate_series(1, 50000)', {
        inTransaction: true,
        limits: LIMITS,
        sink: {
          columns: () => {},
          rows: async (rows) => {
            seen.push(...rows)
            await session.cancel('enough')
          },
        },
      })
      await expect(run).rejects.toMatchObject({ code: 'cancelled', message: 'enough' })
      expect(seen).toHaveLength(2)
    })
  })

  test('by somebody else at the database is told from a timeout', async () => {
    await fixture.inTransaction('read_write', async (session) => {
      const { running } = await started(session, 'select pg_sleep(3601)')
      await fixture.database.query(
        `select pg_cancel_backend(pid) from pg_stat_activity where query = 'select pg_sleep(3601)'`,
      )
      await expect(running).rejects.toMatchObject({ code: 'cancelled', sqlstate: '57014' })
    })
  })

  test('of a statement outside a transaction ends it', async () => {
    await fixture.outside(async (session) => {
      const { running } = await started(session, 'select pg_sleep(3602)', false)
      await session.cancel('stop')
      await expect(running).rejects.toMatchObject({ code: 'cancelled' })
    })
  })

  test('without a running statement prevents the next one', async () => {
    await fixture.inTransaction('read_only', async (session) => {
      await session.cancel('too late to start')
      await expect(collect(session, 'select 1')).rejects.toMatchObject({ code: 'cancelled' })
    })
  })
})
