import { createTestDatabase, findPgBouncer, startPgBouncer, type TestDatabase } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TargetDriver } from '../src/drivers/driver.ts'
import { createPostgresDriver } from '../src/drivers/postgres.ts'
import { eventually } from './fixtures/eventually.ts'
import { startRunningAgent } from './fixtures/running-agent.ts'
import { startSmallPooler } from './fixtures/small-pooler.ts'
import { collect } from './postgres-driver-fixture.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ schema: 'create table t (a int)' })
})
afterAll(() => database[Symbol.asyncDispose]())

async function withDriver(url: string, work: (driver: TargetDriver) => Promise<void>, readOnlyUrl?: string) {
  await using driver = createPostgresDriver({ url, ...(readOnlyUrl === undefined ? {} : { readOnlyUrl }) })
  await work(driver)
}

const POOLER = { code: 'pooler_detected' }
const open = (driver: TargetDriver) => driver.open({ readOnly: true, applicationName: 'twinlock exe_test' })

describe('a pooler that shares sessions', () => {
  test.each([
    ['in turns', { order: 'turns' }],
    ['the last one used first', { order: 'last' }],
    ['with the key of a real backend', { order: 'last', forwardsKey: true }],
    ['in turns, with the key of a real backend', { order: 'turns', forwardsKey: true }],
    ['with one connection for all', { servers: 1 }],
  ] as const)('is detected, %s', async (_title, options) => {
    await using pooler = await startSmallPooler(database.url, options)
    await withDriver(pooler.url, async (driver) => {
      for (let i = 0; i < 5; i++) await expect(driver.check()).rejects.toMatchObject(POOLER)
    })
  })

  test('is detected before the read-only url alone', async () => {
    await using pooler = await startSmallPooler(database.url)
    await withDriver(database.url, (driver) => expect(driver.check()).rejects.toMatchObject(POOLER), pooler.url)
  })

  test.each(['turns', 'last'] as const)('that is put in later gets no statement (%s)', async (order) => {
    await using pooler = await startSmallPooler(database.url, { order, servers: 4 })
    pooler.mode = 'session'
    await withDriver(pooler.url, async (driver) => {
      await expect(driver.check()).resolves.toMatchObject({ serverVersion: '' })
      const session = await open(driver)
      await session.begin('read_only')
      expect((await collect(session, 'select 1 as one')).rows).toEqual([[1]])
      await session.rollback()
      await session.release({ reuse: true })
      pooler.mode = 'transaction'
      for (let i = 0; i < 5; i++) await expect(open(driver)).rejects.toMatchObject(POOLER)
    })
    expect(pooler.seen.filter((sql) => sql.includes('as one'))).toHaveLength(1)
  })

  test('refuses the target, says so, and runs nothing; other targets are served', async () => {
    await using pooler = await startSmallPooler(database.url, { forwardsKey: true })
    await using running = await startRunningAgent({
      setup: { extra: `[databases.shop.production]\nurl = "${pooler.url}"` },
    })
    const refused = running.run('select 1 as mine', ['select'], {
      target: { database: 'shop', environment: 'production' },
    })
    expect(await running.server.outcome(refused)).toMatchObject({
      status: 'failed',
      effect: 'none',
      error: { code: 'pooler_detected', hint: expect.stringContaining('pool_mode = session') },
    })
    expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
    expect(running.server.called('poll').at(-1)?.body.targets).toMatchObject([
      { database: 'app', state: { status: 'ok', code: null } },
      { database: 'shop', state: { status: 'refused', code: 'pooler_detected' } },
    ])
    expect(pooler.seen.filter((sql) => sql.includes('mine'))).toEqual([])
    expect(running.log()).toContain('the target is refused; nothing is run on it')
    expect(running.log()).toContain('pool_mode = session')
  })

  test('that is taken away again is served', async () => {
    await using pooler = await startSmallPooler(database.url, { servers: 4 })
    await using running = await startRunningAgent({
      setup: { databaseUrl: pooler.url },
      overrides: { watchTargetsMs: 50 },
    })
    expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ error: POOLER })
    pooler.mode = 'session'
    await eventually(() => running.log()).toContain('the database answers')
    expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
  })
})

const pgbouncer = findPgBouncer()
if (!pgbouncer) console.warn('not run, because PgBouncer cannot be had here: "PgBouncer" in pooler.test.ts')
afterAll(() => pgbouncer?.[Symbol.dispose]())

describe.runIf(pgbouncer)('PgBouncer', () => {
  const ignoring = { ignore_startup_parameters: 'options,extra_float_digits' }
  async function withPgBouncer(
    settings: Readonly<Record<string, string | number>>,
    work: (driver: TargetDriver) => Promise<void>,
  ) {
    if (!pgbouncer) throw new Error('there is no PgBouncer')
    await using bouncer = await startPgBouncer(pgbouncer, database.url, settings)
    await withDriver(bouncer.url, work)
  }

  test.each([
    ['transaction', { pool_mode: 'transaction', ...ignoring }],
    ['transaction, in turns', { pool_mode: 'transaction', server_round_robin: 1, min_pool_size: 3, ...ignoring }],
    ['transaction, with one connection', { pool_mode: 'transaction', default_pool_size: 1, ...ignoring }],
    ['statement', { pool_mode: 'statement', ...ignoring }],
    ['session, without start-up options', { pool_mode: 'session' }],
  ])('in mode %s is refused', async (_title, settings) => {
    await withPgBouncer(settings, async (driver) => {
      await expect(driver.check()).rejects.toMatchObject(POOLER)
      await expect(open(driver)).rejects.toMatchObject(POOLER)
    })
  })

  test.each([
    ['many sessions', {}],
    ['a single session', { default_pool_size: 1 }],
  ])('in session mode passes, with %s, and sessions are as without it', async (_title, settings) => {
    await withPgBouncer({ pool_mode: 'session', ...ignoring, ...settings }, async (driver) => {
      expect((await driver.check()).serverVersion).toMatch(/^\d+/)
      for (let i = 0; i < 2; i++) {
        const session = await open(driver)
        await session.begin('read_only')
        const values = await collect(
          session,
          `select 1.1::float8 / 3, now()::text like '%+00', interval '1 day', '\\x00'::bytea`,
        )
        expect(values.rows).toEqual([[1.1 / 3, true, '1 day', '\\x00']])
        await session.commit()
        await session.release({ reuse: true })
      }
    })
  })
})
