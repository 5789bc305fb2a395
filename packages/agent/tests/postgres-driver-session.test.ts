import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session, TransactionRef } from '../src/drivers/driver.ts'
import { createPostgresDriver } from '../src/drivers/postgres.ts'
import { collect, createFixture, type Fixture } from './postgres-driver-fixture.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await createFixture(`
    create table item (n int);
    create table log (n int);
    create function write_log(n int) returns int language plpgsql volatile as
      $$ begin insert into log values (n); return n; end $$;
    create view sly as select write_log(1) as n;
    create function sly_add(a int, b int) returns int language plpgsql immutable as
      $$ begin perform write_log(a); return a + b; end $$;
    create operator <+> (leftarg = int, rightarg = int, function = sly_add);
  `)
})
afterAll(() => fixture?.[Symbol.asyncDispose]())

const open = (isReadOnly = false, applicationName = 'twinlock exe_test') =>
  fixture.driver.open({ readOnly: isReadOnly, applicationName })
const pidOf = async (session: Session) => String((await collect(session, 'select pg_backend_pid()')).rows[0]?.[0])

describe('a read-only transaction', () => {
  test.each([
    'set transaction read write',
    'set transaction_read_only = off',
    "select set_config('transaction_read_only', 'off', true)",
  ])('cannot be left by `%s`', async (sql) => {
    await fixture.inTransaction('read_only', async (session) => {
      await expect(collect(session, sql)).rejects.toMatchObject({ sqlstate: '25001' })
    })
  })

  test.each([
    'insert into item values (1)',
    'select n from sly',
    'select 1 <+> 2',
    'select write_log(3)',
    'with w as (insert into item values (1) returning n) select * from w',
    'create table other (n int)',
    'explain analyze insert into item values (1)',
  ])('lets `%s` change nothing', async (sql) => {
    await fixture.inTransaction('read_only', async (session) => {
      await expect(collect(session, sql)).rejects.toMatchObject({ sqlstate: '25006' })
    })
    expect(await fixture.database.query('select n from item union all select n from log')).toEqual([])
  })
})

describe('a transaction', () => {
  test('commits its statements together', async () => {
    const session = await open()
    await session.begin('read_write')
    await collect(session, 'insert into item values (10)')
    await collect(session, 'insert into item values (11)')
    await session.commit()
    await session.release({ reuse: false })
    expect(await fixture.database.query('delete from item returning n')).toEqual([{ n: 10 }, { n: 11 }])
  })

  test('rolls back, also when the session is only released', async () => {
    for (const end of ['rollback', 'release'] as const) {
      const session = await open()
      await session.begin('read_write')
      await collect(session, 'insert into item values (12)')
      if (end === 'rollback') await session.rollback()
      await session.release({ reuse: true })
    }
    expect(await fixture.database.query('select n from item')).toEqual([])
  })

  test('that failed is not committed', async () => {
    await fixture.outside(async (session) => {
      await session.begin('read_write')
      await collect(session, 'insert into item values (13)')
      await expect(collect(session, 'select 1/0')).rejects.toMatchObject({ sqlstate: '22012' })
      await expect(session.commit()).rejects.toMatchObject({ code: 'protocol_error' })
    })
    expect(await fixture.database.query('select n from item')).toEqual([])
  })

  test.each(['commit', 'commit and chain', 'rollback', 'rollback and chain', 'begin'])(
    '`%s` inside it ends the session',
    async (sql) => {
      await fixture.inTransaction('read_write', async (session) => {
        await collect(session, 'select 1')
        await expect(collect(session, sql)).rejects.toMatchObject({ code: 'protocol_error' })
        await expect(collect(session, 'select 1')).rejects.toMatchObject({ code: 'protocol_error' })
      })
    },
  )

  test('an error at COMMIT is the database’s', async () => {
    await fixture.inTransaction('read_write', async (session) => {
      await collect(session, 'create table late (n int unique deferrable initially deferred)')
      await collect(session, 'insert into late values (1), (1)')
      await expect(session.commit()).rejects.toMatchObject({ code: 'database_error', sqlstate: '23505' })
    })
  })

  test('is demanded by, or kept from, a statement as its caller said', async () => {
    await fixture.outside(async (session) => {
      await expect(collect(session, 'select 1')).rejects.toMatchObject({ code: 'protocol_error' })
      await session.begin('read_write')
      await expect(collect(session, 'select 1', { inTransaction: false })).rejects.toMatchObject({
        code: 'protocol_error',
      })
    })
  })

  test('is not needed by what cannot run in one', async () => {
    await fixture.outside(async (session) => {
      const sql = 'create index concurrently item_n on item (n)'
      await session.begin('read_write')
      await expect(collect(session, sql)).rejects.toMatchObject({ sqlstate: '25001' })
      await session.rollback()
      expect(await collect(session, sql, { inTransaction: false })).toMatchObject({
        rowCount: null,
        affectedRows: null,
      })
    })
    expect(
      await fixture.database.query(`select indisvalid from pg_index where indexrelid = 'item_n'::regclass`),
    ).toEqual([{ indisvalid: true }])
  })
})

describe('session state', () => {
  const STATE = [
    'create temp table mine (n int)',
    'set search_path = pg_temp',
    "set timezone = 'Asia/Tokyo'",
    'set statement_timeout = 1234',
    'prepare mine as select 1',
    'select pg_advisory_lock(4711)',
    'listen mine',
    'declare kept cursor with hold for select 1',
    'set session characteristics as transaction read only',
  ]
  const LEFT = `select
    to_regclass('pg_temp.mine') as temp, current_setting('search_path'), current_setting('timezone'),
    current_setting('statement_timeout') as timeout, (select count(*) from pg_prepared_statements where name = 'mine'),
    (select count(*) from pg_locks where locktype = 'advisory' and objid = 4711), (select count(*) from pg_listening_channels()),
    (select count(*) from pg_cursors where name = 'kept'), current_setting('default_transaction_read_only'), current_setting('datestyle')`

  test('does not survive to the next user of the connection', async () => {
    const first = await open()
    await first.begin('read_write')
    const pid = await pidOf(first)
    for (const sql of STATE) await collect(first, sql)
    await first.commit()
    await first.release({ reuse: true })

    const second = await open(false, 'twinlock exe_second')
    await second.begin('read_write')
    expect(await pidOf(second)).toBe(pid)
    const { rows } = await collect(second, LEFT, { limits: { statement_timeout_ms: 7000 } })
    expect(rows).toEqual([[null, '"$user", public', 'UTC', '7s', '0', '0', '0', '0', 'off', 'ISO, MDY']])
    expect((await collect(second, `select current_setting('application_name')`)).rows).toEqual([
      ['twinlock exe_second'],
    ])
    await second.rollback()
    await second.release({ reuse: false })
  })

  test('a session that is not to be reused is closed', async () => {
    const first = await open()
    await first.begin('read_only')
    const pid = await pidOf(first)
    await first.rollback()
    await first.release({ reuse: false })
    await fixture.inTransaction('read_only', async (second) => expect(await pidOf(second)).not.toBe(pid))
  })

  test.each<[string, (session: Session) => Promise<unknown>]>([
    ['an open transaction', (session) => session.begin('read_write')],
    ['a statement outside a transaction', (session) => collect(session, 'select 1', { inTransaction: false })],
    ['a cancel', (session) => session.cancel('no')],
  ])('after %s a session is closed, whatever its user says', async (_, act) => {
    const first = await open()
    await first.begin('read_only')
    const pid = await pidOf(first)
    await first.rollback()
    await act(first)
    await first.release({ reuse: true })
    await fixture.inTransaction('read_only', async (second) => expect(await pidOf(second)).not.toBe(pid))
  })

  test('a kept connection that died is replaced', async () => {
    const first = await open()
    await first.begin('read_only')
    const pid = await pidOf(first)
    await first.rollback()
    await first.release({ reuse: true })
    await fixture.database.query(`select pg_terminate_backend(${pid}, 5000)`)
    await fixture.inTransaction('read_only', async (second) => expect(await pidOf(second)).not.toBe(pid))
  })

  test('at most four connections are kept', async () => {
    await using own = await createFixture()
    const opening = Array.from({ length: 6 }, () => own.driver.open({ readOnly: true, applicationName: 'x' }))
    await Promise.all((await Promise.all(opening)).map((session) => session.release({ reuse: true })))
    const count = `select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
    let rows = await own.database.query(count)
    for (let i = 0; i < 100 && rows[0]?.n !== 4; i += 1) {
      await sleep(20)
      rows = await own.database.query(count)
    }
    expect(rows).toEqual([{ n: 4 }])
  })

  test('a long application name is cut between characters', async () => {
    const session = await open(true, `twinlock ${'x'.repeat(53)}ü and more`)
    await session.begin('read_only')
    const { rows } = await collect(session, `select current_setting('application_name')`)
    expect(rows).toEqual([[`twinlock ${'x'.repeat(53)}`]])
    await session.release({ reuse: false })
  })

  test('a changed client encoding ends the session', async () => {
    await fixture.inTransaction('read_write', async (session) => {
      await expect(collect(session, "set client_encoding = 'latin1'")).rejects.toMatchObject({ code: 'protocol_error' })
    })
  })
})

describe('a connection', () => {
  test('that cannot be had is connection_failed, without the password', async () => {
    const url = new URL(fixture.database.url)
    url.password = 'not-the-password'
    for (const [bad, sqlstate] of [
      [url.href, '28P01'],
      [fixture.database.url.replace(/\/[^/]*$/, '/no_such_database'), '3D000'],
      ['postgres://u:secret@127.0.0.1:1/db', undefined],
      ['postgres://u:secret@localhost:1/db', undefined],
    ] as const) {
      await using driver = createPostgresDriver({ url: bad })
      const error = await driver.open({ readOnly: true, applicationName: 'x' }).catch((caught: unknown) => caught)
      expect(error).toMatchObject({ code: 'connection_failed', sqlstate })
      expect(String(error)).not.toMatch(/secret|not-the-password/)
      await expect(driver.check()).rejects.toMatchObject({ code: 'connection_failed' })
    }
  })

  test('tells the version of the server', async () => {
    const [row] = await fixture.database.query('show server_version')
    expect(await fixture.driver.check()).toEqual({ serverVersion: row?.server_version })
    await fixture.inTransaction('read_only', async (session) => expect(session.serverVersion).toBe(row?.server_version))
  })

  test('whose backend is killed is connection_lost, and nothing of it stays', async () => {
    await fixture.outside(async (session) => {
      await session.begin('read_write')
      const pid = await pidOf(session)
      await collect(session, 'insert into item values (20)')
      const running = collect(session, 'select pg_sleep(3600)')
      running.catch(() => {})
      await fixture.database.query(`select pg_terminate_backend(${pid}, 5000)`)
      await expect(running).rejects.toMatchObject({ code: 'connection_lost', sqlstate: '57P01' })
      await expect(session.commit()).rejects.toMatchObject({ code: 'connection_lost' })
      await session.rollback()
    })
    expect(await fixture.database.query('select n from item')).toEqual([])
  })

  test('that dies between two statements fails the next one', async () => {
    await fixture.inTransaction('read_write', async (session) => {
      const pid = await pidOf(session)
      await fixture.database.query(`select pg_terminate_backend(${pid}, 5000)`)
      await expect(collect(session, 'select 1')).rejects.toMatchObject({ code: 'connection_lost' })
    })
  })

  test('is closed with its driver', async () => {
    const driver = createPostgresDriver({ url: fixture.database.url })
    const session = await driver.open({ readOnly: false, applicationName: 'twinlock exe_closed' })
    await session.begin('read_write')
    const running = collect(session, 'select pg_sleep(3600)')
    running.catch(() => {})
    await driver[Symbol.asyncDispose]()
    await expect(running).rejects.toMatchObject({ code: 'connection_lost' })
    await expect(driver.open({ readOnly: true, applicationName: 'x' })).rejects.toMatchObject({
      code: 'connection_failed',
    })
  })

  test('that only reads goes to the URL for reading', async () => {
    const password = randomBytes(9).toString('hex')
    const role = `reader_${password}`
    await fixture.database.query(`create role ${role} login password '${password}'`)
    const url = new URL(fixture.database.url)
    url.username = role
    url.password = password
    await using driver = createPostgresDriver({ url: fixture.database.url, readOnlyUrl: url.href })
    const users: unknown[] = []
    for (const isReadOnly of [true, false]) {
      const session = await driver.open({ readOnly: isReadOnly, applicationName: 'x' })
      await session.begin('read_only')
      users.push((await collect(session, 'select current_user::text')).rows[0]?.[0])
      await session.rollback()
      await session.release({ reuse: true })
    }
    expect(users).toEqual([role, 'postgres'])
    await driver[Symbol.asyncDispose]()
    await fixture.database.query(`drop role ${role}`)
  })
})

describe('what became of a transaction', () => {
  async function transaction(end: 'commit' | 'rollback'): Promise<TransactionRef> {
    const session = await open()
    await session.begin('read_write')
    expect(await session.commitRef()).toBeNull()
    await collect(session, 'select 1')
    expect(await session.commitRef()).toBeNull()
    await collect(session, 'insert into item values (30)')
    const ref = await session.commitRef()
    if (ref === null) throw new Error('A transaction that wrote has an id.')
    expect(await fixture.driver.transactionStatus(ref)).toBe('in_progress')
    await session[end]()
    await session.release({ reuse: false })
    return ref
  }

  test('is committed or aborted', async () => {
    const committed = await transaction('commit')
    expect(committed).toEqual({
      engine: 'postgresql',
      transaction_id: expect.stringMatching(/^\d+$/),
      system_identifier: expect.stringMatching(/^\d{10,}$/),
      timeline: 1,
    })
    expect(await fixture.driver.transactionStatus(committed)).toBe('committed')
    expect(await fixture.driver.transactionStatus(await transaction('rollback'))).toBe('aborted')
  })

  test('is unknown to another server, another timeline, and before its time', async () => {
    const ref = await transaction('rollback')
    const { driver } = fixture
    expect(await driver.transactionStatus({ ...ref, system_identifier: '7000000000000000000' })).toBe('unknown')
    expect(await driver.transactionStatus({ ...ref, system_identifier: '' })).toBe('unknown')
    expect(await driver.transactionStatus({ ...ref, timeline: ref.timeline + 1 })).toBe('unknown')
    expect(await driver.transactionStatus({ ...ref, transaction_id: String(BigInt(ref.transaction_id) + 1000n) })).toBe(
      'unknown',
    )
    expect(await driver.transactionStatus({ ...ref, transaction_id: 'no number' })).toBe('unknown')
  })

  test('is aborted when its backend was killed', async () => {
    const session = await open()
    await session.begin('read_write')
    await collect(session, 'insert into item values (31)')
    const ref = await session.commitRef()
    if (ref === null) throw new Error('A transaction that wrote has an id.')
    const pid = await pidOf(session)
    await fixture.database.query(`select pg_terminate_backend(${pid}, 5000)`)
    await session.release({ reuse: false })
    expect(await fixture.driver.transactionStatus(ref)).toBe('aborted')
  })

  test('is known to an ordinary role', async () => {
    const role = `plain_${randomBytes(4).toString('hex')}`
    await fixture.database.query(`create role ${role} login password 'plain'; grant all on table item to ${role}`)
    const url = new URL(fixture.database.url)
    url.username = role
    url.password = 'plain'
    await using driver = createPostgresDriver({ url: url.href })
    const session = await driver.open({ readOnly: false, applicationName: 'x' })
    await session.begin('read_write')
    await collect(session, 'insert into item values (32)')
    const ref = await session.commitRef()
    await session.commit()
    await session.release({ reuse: false })
    expect(ref).toMatchObject({ timeline: 1, system_identifier: expect.stringMatching(/^\d{10,}$/) })
    if (ref !== null) expect(await driver.transactionStatus(ref)).toBe('committed')
    await driver[Symbol.asyncDispose]()
    await fixture.database.query(`drop owned by ${role}; drop role ${role}`)
  })
})
