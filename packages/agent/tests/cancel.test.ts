import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from './fixtures/eventually.ts'
import { id } from './fixtures/orders.ts'
import { type RunningAgent, startRunningAgent } from './fixtures/running-agent.ts'

const SCHEMA = 'create table orders (id int primary key); insert into orders select generate_series(1, 10)'

let running: RunningAgent
afterEach(async () => {
  await running[Symbol.asyncDispose]()
})

const REASON = 'wrong month'
const CANCELLED = { code: 'cancelled', message: `Cancelled on request: ${REASON}` }

const sessions = () =>
  running.database.query(
    `select query from pg_stat_activity where application_name like 'twinlock exe_%' and state <> 'idle'`,
  )
const inDatabase = (part: string) =>
  eventually(async () => (await sessions()).filter(({ query }) => String(query).includes(part)).length).toBe(1)
const orders = async () => (await running.database.query('select id from orders order by id')).map((row) => row.id)

/** Holds whoever waits until it is opened. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  return {
    pass: () => {
      reached.resolve()
      return promise
    },
    reached: reached.promise,
    open: resolve,
  }
}

async function cancelAndSee(executionId: string) {
  running.server.cancel(executionId, REASON)
  return await running.server.outcome(executionId)
}

test('a start whose answer was lost is not repeated once somebody has cancelled: nothing runs, and that is told', async () => {
  running = await startRunningAgent({ schema: SCHEMA })
  running.server.fault = ({ name, nth }) =>
    name !== 'start' ? undefined : nth === 1 ? 'cut_after' : 'execution_cancelled'
  const executionId = running.run('delete from orders', ['dml'])
  expect(await running.server.outcome(executionId)).toMatchObject({
    status: 'cancelled',
    effect: 'none',
    error: { code: 'cancelled' },
  })
  expect(running.server.called('start', executionId)).toHaveLength(2)
  expect(await orders()).toHaveLength(10)
})

describe('a cancel ends', () => {
  test.each([
    ['a sleeping query', 'select pg_sleep(600)'],
    ['a CPU-bound query', 'select count(*) from generate_series(1, 1e9) a, generate_series(1, 1e9) b'],
    [
      'a recursive query',
      'with recursive r as (select 1::bigint i union all select i + 1 from r) select count(*) from r',
    ],
  ])('%s', async (_title, sql) => {
    running = await startRunningAgent()
    const executionId = running.run(sql)
    await inDatabase(sql)
    expect(await cancelAndSee(executionId)).toMatchObject({
      status: 'cancelled',
      effect: 'rolled_back',
      error: { ...CANCELLED, statement: 1, sqlstate: '57014' },
      statements: [{ status: 'failed' }],
    })
    expect(await sessions()).toEqual([])
  })

  test('a wait for a lock, and the locks it held itself are free', async () => {
    running = await startRunningAgent({ schema: SCHEMA })
    const statements = [
      { sql: 'update orders set id = 101 where id = 1;', transactional: true },
      { sql: ' select pg_advisory_lock(1)', transactional: true },
    ]
    await using _ = await running.database.hold('select pg_advisory_lock(1)')
    const executionId = running.run('', ['dml', 'privileged'], { statements })
    await inDatabase('pg_advisory_lock')
    expect(await cancelAndSee(executionId)).toMatchObject({
      status: 'cancelled',
      effect: 'rolled_back',
      error: { ...CANCELLED, statement: 2 },
      statements: [{ status: 'succeeded' }, { status: 'failed' }],
    })
    expect(await running.database.query('select id from orders where id = 1 for update nowait')).toEqual([{ id: 1 }])
  })

  test('a large fetch, and what of it is on its way to the server', async () => {
    running = await startRunningAgent()
    let chunks = 0
    running.server.fault = ({ name }) => (name === 'chunks' && ++chunks > 2 ? new Promise(() => {}) : undefined)
    const executionId = running.run("select i, repeat('x', 1000) from generate_series(1, 1000000) i")
    await eventually(() => chunks).toBeGreaterThan(2)
    const outcome = await cancelAndSee(executionId)
    expect(outcome).toMatchObject({ status: 'cancelled', effect: 'rolled_back', error: CANCELLED })
    expect(outcome.chunks).toBeGreaterThan(2)
    expect(await sessions()).toEqual([])
  })

  test('an upload of rows that were all read', async () => {
    running = await startRunningAgent()
    running.server.fault = ({ name }) => (name === 'chunks' ? new Promise(() => {}) : undefined)
    const executionId = running.run("select repeat('x', 1000000)")
    await eventually(() => running.server.called('chunks', executionId).length).toBe(1)
    expect(await cancelAndSee(executionId)).toMatchObject({
      status: 'cancelled',
      effect: 'rolled_back',
      error: CANCELLED,
      statements: [{ status: 'succeeded', row_count: 1 }],
    })
  })
})

describe('a cancel tells the truth', () => {
  test('while the start is on its way: nothing ran', async () => {
    running = await startRunningAgent({ schema: SCHEMA })
    const start = gate()
    running.server.fault = async ({ name }) => (name === 'start' ? void (await start.pass()) : undefined)
    const executionId = running.run('delete from orders', ['dml'])
    await start.reached
    running.server.cancel(executionId, REASON)
    await eventually(() => running.server.called('poll').at(-1)?.body.cancelling).toEqual([executionId])
    start.open()
    expect(await running.server.outcome(executionId)).toMatchObject({
      status: 'cancelled',
      effect: 'none',
      error: { ...CANCELLED, statement: null },
      statements: [{ status: 'not_run' }],
    })
    expect(await orders()).toHaveLength(10)
  })

  test('while the database is being connected to: the attempt ends, and nothing ran', async () => {
    const sockets: Socket[] = []
    const blackHole = createServer((socket) => void sockets.push(socket.resume())).listen(0, '127.0.0.1')
    await once(blackHole, 'listening')
    const { port } = blackHole.address() as { port: number }
    running = await startRunningAgent({ setup: { databaseUrl: `postgres://app:secret@127.0.0.1:${port}/app` } })
    const executionId = running.run('select 1')
    await eventually(() => running.server.called('start', executionId).length).toBe(1)
    await eventually(() => sockets.length).toBeGreaterThan(0)
    expect(await cancelAndSee(executionId)).toMatchObject({ status: 'cancelled', effect: 'none', error: CANCELLED })
    await running.agent.stop()
    await eventually(() => sockets.every((socket) => socket.closed)).toBe(true)
    blackHole.close()
  })

  test('between two statements: the first is undone, the second was not run', async () => {
    const between = gate()
    running = await startRunningAgent({
      schema: SCHEMA,
      overrides: { killPoints: { reach: (name) => (name === 'statement_done' ? between.pass() : undefined) } },
    })
    const statements = [
      { sql: 'delete from orders where id = 1;', transactional: true },
      { sql: ' delete from orders', transactional: true },
    ]
    const executionId = running.run('', ['dml'], { statements })
    await between.reached
    running.server.cancel(executionId, REASON)
    await eventually(() => running.server.called('poll').at(-1)?.body.cancelling).toEqual([executionId])
    between.open()
    expect(await running.server.outcome(executionId)).toMatchObject({
      status: 'cancelled',
      effect: 'rolled_back',
      error: CANCELLED,
      statements: [{ status: 'succeeded' }, { status: 'not_run' }],
    })
    expect(await orders()).toHaveLength(10)
  })

  test('in the last moment before COMMIT: all is undone', async () => {
    const before = gate()
    running = await startRunningAgent({
      schema: SCHEMA,
      overrides: { killPoints: { reach: (name) => (name === 'journaled_committing' ? before.pass() : undefined) } },
    })
    const executionId = running.run('delete from orders', ['dml'])
    await before.reached
    running.server.cancel(executionId, REASON)
    await eventually(() => running.server.called('poll').at(-1)?.body.cancelling).toEqual([executionId])
    before.open()
    expect(await running.server.outcome(executionId)).toMatchObject({
      status: 'cancelled',
      effect: 'rolled_back',
      error: CANCELLED,
    })
    expect(await orders()).toHaveLength(10)
  })

  const commitThatRuns = (body: string) =>
    startRunningAgent({
      schema: `${SCHEMA};
        create function slowly() returns trigger language plpgsql as $$ begin ${body} return null; end $$;
        create constraint trigger slow after insert on orders deferrable initially deferred
          for each row execute function slowly()`,
    })

  test('during COMMIT, while it can still be undone: it was rolled back', async () => {
    running = await commitThatRuns('perform pg_sleep(3600);')
    const executionId = running.run('insert into orders values (11)', ['dml'])
    await inDatabase('COMMIT')
    expect(await cancelAndSee(executionId)).toMatchObject({
      status: 'cancelled',
      effect: 'rolled_back',
      error: CANCELLED,
    })
    expect(await orders()).not.toContain(11)
  })

  test('during COMMIT, which does not heed it: it was committed', async () => {
    running = await commitThatRuns(
      'for i in 1..40 loop begin perform pg_sleep(0.05); exception when query_canceled then null; end; end loop;',
    )
    const executionId = running.run('insert into orders values (11)', ['dml'])
    await inDatabase('COMMIT')
    expect(await cancelAndSee(executionId)).toMatchObject({ status: 'succeeded', effect: 'committed', error: null })
    expect(await orders()).toContain(11)
  })

  test('of a statement without BEGIN: what it had done by then stays', async () => {
    running = await startRunningAgent({ schema: SCHEMA })
    await using _ = await running.database.hold('begin; update orders set id = id')
    const sql = 'create index concurrently later on orders (id)'
    const executionId = running.run(sql, ['ddl'], { statements: [{ sql, transactional: false }] })
    await inDatabase(sql)
    expect(await cancelAndSee(executionId)).toMatchObject({
      status: 'cancelled',
      effect: 'partial',
      error: CANCELLED,
      statements: [{ status: 'failed' }],
    })
    expect(await running.database.query('select indisvalid from pg_index where not indisvalid')).toHaveLength(1)
  })

  test('after the end, and of what was never here: nothing happens, and the server is told that it is known', async () => {
    running = await startRunningAgent()
    const executionId = running.run('select 1')
    expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded' })
    const stranger = id('exe')
    running.server.changeCancels = () => [
      { execution_id: executionId, reason: REASON },
      { execution_id: stranger, reason: null },
    ]
    await running.server.outcome(running.run('select 2'))
    await eventually(() => running.server.called('poll').at(-1)?.body.cancelling).toEqual([executionId, stranger])
    expect(running.server.called('outcome', executionId)).toHaveLength(1)
  })

  test('without a reason', async () => {
    running = await startRunningAgent()
    const executionId = running.run('select pg_sleep(600)')
    await inDatabase('pg_sleep')
    running.server.cancel(executionId)
    expect(await running.server.outcome(executionId)).toMatchObject({ error: { message: 'Cancelled on request.' } })
  })
})

describe('an agent at full capacity', () => {
  test('holds a poll, and hears a cancel through it', async () => {
    running = await startRunningAgent({ setup: { concurrency: 1 } })
    const executionId = running.run('select pg_sleep(600)')
    await inDatabase('pg_sleep')
    await eventually(() => running.server.called('poll').at(-1)?.body.free_capacity).toBe(0)
    expect(await cancelAndSee(executionId)).toMatchObject({ status: 'cancelled', effect: 'rolled_back' })
    expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
  })

  test('cancels one execution and leaves the others alone', async () => {
    running = await startRunningAgent({ setup: { concurrency: 2 } })
    const cancelled = running.run('select pg_sleep(600)')
    const other = running.run('select pg_sleep(1.5)')
    await eventually(async () => (await sessions()).length).toBe(2)
    expect(await cancelAndSee(cancelled)).toMatchObject({ status: 'cancelled' })
    expect(await running.server.outcome(other)).toMatchObject({ status: 'succeeded' })
  })
})

describe('a server that is not what it should be', () => {
  test('repeats a cancel for ever: it is asked no more often than one that fails', async () => {
    running = await startRunningAgent()
    const cancel = { execution_id: id('exe'), reason: null }
    running.server.changeCancels = () => [cancel]
    let polls = 0
    running.server.fault = ({ name }) => {
      if (name === 'poll') polls += 1
      return undefined
    }
    for (let i = 0; i < 5; i++) await running.server.outcome(running.run('select 1'))
    expect(polls).toBeLessThan(30)
  })

  test('sends what is no cancel among one that is', async () => {
    running = await startRunningAgent()
    const executionId = running.run('select pg_sleep(600)')
    await inDatabase('pg_sleep')
    running.server.changeCancels = () => [
      null,
      'all',
      { execution_id: 'exe_*', reason: null },
      { execution_id: executionId, reason: 'x'.repeat(100_000) },
    ]
    expect(await cancelAndSee(executionId)).toMatchObject({
      status: 'cancelled',
      error: { message: 'Cancelled on request.' },
    })
  })
})
