import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MAX_CHUNK_BYTES, resultLineSchema } from '@twinlock/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from './fixtures/eventually.ts'
import { workOrder } from './fixtures/orders.ts'
import { type RunningAgent, startRunningAgent } from './fixtures/running-agent.ts'

const SCHEMA = `
  create table orders (id int primary key, status text, unique (status) deferrable initially deferred);
  insert into orders select i, 's' || i from generate_series(1, 10) i;
`

let running: RunningAgent
beforeAll(async () => {
  running = await startRunningAgent({ schema: SCHEMA, setup: { extra: 'max_rows = 1000000' } })
})
afterAll(() => running[Symbol.asyncDispose]())

function lines(executionId: string) {
  const text = running.server.result(executionId).toString('utf8')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => resultLineSchema.parse(JSON.parse(line)))
}

describe('a read', () => {
  test('brings its rows, and its outcome tells how many', async () => {
    const executionId = running.run("select 9007199254740993::bigint as big, 'é' as text, null as nothing")
    const outcome = await running.server.outcome(executionId)
    expect(outcome).toMatchObject({
      status: 'succeeded',
      effect: 'committed',
      error: null,
      statements: [{ status: 'succeeded', affected_rows: null, row_count: 1 }],
      chunks: 1,
      known_from: 'observed',
      clamped: {},
    })
    expect(outcome.server_version).toMatch(/^\d+\.\d+/)
    expect(outcome.result_sha256).toBe(createHash('sha256').update(running.server.result(executionId)).digest('hex'))
    expect(lines(executionId)).toMatchObject([
      { statement: 1, columns: [{ name: 'big', type: 'bigint' }, { name: 'text' }, { name: 'nothing' }] },
      { rows: [['9007199254740993', 'é', null]] },
      { row_count: 1, affected_rows: null, truncated: false },
    ])
  })

  test('of more than a chunk arrives whole and in order', async () => {
    const executionId = running.run("select i, repeat('x', 1000) from generate_series(1, 20000) i")
    const outcome = await running.server.outcome(executionId)
    const chunks = running.server.called('chunks', executionId)
    expect(outcome).toMatchObject({ status: 'succeeded', chunks: chunks.length })
    expect(chunks.length).toBeGreaterThan(20)
    expect(chunks.map(({ body }) => Number(body.n))).toEqual(chunks.map((_, n) => n))
    expect(chunks.every(({ bytes }) => bytes.length <= MAX_CHUNK_BYTES)).toBe(true)
    const rows = lines(executionId).flatMap((line) => ('rows' in line ? line.rows : []))
    expect(rows.map(([first]) => first)).toEqual(Array.from({ length: 20_000 }, (_, i) => i + 1))
    expect(outcome.result_sha256).toBe(createHash('sha256').update(running.server.result(executionId)).digest('hex'))
  })

  test('has brought all its bytes before its outcome is reported', async () => {
    const executionId = running.run("select repeat('x', 2000000)")
    await running.server.outcome(executionId)
    const names = running.server.calls.filter((call) => call.executionId === executionId).map(({ name }) => name)
    expect(names).toEqual(['start', 'chunks', 'chunks', 'chunks', 'outcome'])
  })

  test('succeeds without its rows where the server has no room for them', async () => {
    running.server.fault = ({ name, body }) =>
      name === 'chunks' && Number(body.n) > 0 ? 'result_quota_exceeded' : undefined
    const executionId = running.run("select i, repeat('x', 1000) from generate_series(1, 20000) i")
    const outcome = await running.server.outcome(executionId)
    running.server.fault = () => undefined
    expect(outcome).toMatchObject({
      status: 'succeeded',
      error: null,
      statements: [{ status: 'succeeded', row_count: 20_000 }],
      result_discarded: 'quota',
    })
    // It was told once.
    expect(running.server.called('chunks', executionId)).toHaveLength(2)
    const kept = readdirSync(running.stateDir).filter((name) => name.startsWith('journal'))
    const text = kept.map((name) => readFileSync(join(running.stateDir, name), 'utf8')).join('')
    expect(text).toMatch(new RegExp(`"type":"outcome","execution_id":"${executionId}".*"result_discarded":"quota"`))
  })

  test('cannot write, whatever the function it calls does', async () => {
    await running.database.query(
      "create function sneaky() returns int language sql as $$ insert into orders values (99, 'x') returning id $$",
    )
    const outcome = await running.server.outcome(running.run('select sneaky()'))
    expect(outcome).toMatchObject({ status: 'failed', effect: 'rolled_back', error: { sqlstate: '25006' } })
    expect(await running.database.query('select 1 from orders where id = 99')).toEqual([])
  })

  test('is tagged with its execution and its requester', async () => {
    const executionId = running.run("select current_setting('application_name')")
    await running.server.outcome(executionId)
    expect(lines(executionId)[1]).toEqual({ rows: [[`twinlock ${executionId} alice`]] })
  })
})

describe('a write', () => {
  test('is committed, all its statements at once, and counted', async () => {
    const statements = [
      { sql: "update orders set status = 'a' where id = 1;", transactional: true },
      { sql: " insert into orders values (11, 'b') returning id", transactional: true },
    ]
    const executionId = running.run('', ['dml'], { statements })
    expect(await running.server.outcome(executionId)).toMatchObject({
      status: 'succeeded',
      effect: 'committed',
      statements: [
        { status: 'succeeded', affected_rows: 1, row_count: null },
        { status: 'succeeded', affected_rows: 1, row_count: 1 },
      ],
    })
    expect(lines(executionId)).toMatchObject([
      { statement: 1, columns: [] },
      { row_count: null, affected_rows: 1 },
      { statement: 2, columns: [{ name: 'id', type: 'integer' }] },
      { rows: [[11]] },
      { row_count: 1, affected_rows: 1 },
    ])
    expect(await running.database.query("select id from orders where status in ('a', 'b') order by id")).toEqual([
      { id: 1 },
      { id: 11 },
    ])
  })

  test('that fails in its second statement leaves nothing of the first, and says where', async () => {
    const statements = [
      { sql: "update orders set status = 'gone' where id = 2;", transactional: true },
      { sql: ' update orders set status = nothing', transactional: true },
    ]
    expect(await running.server.outcome(running.run('', ['dml'], { statements }))).toMatchObject({
      status: 'failed',
      effect: 'rolled_back',
      error: { code: 'database_error', sqlstate: '42703', statement: 2, position: 29 },
      statements: [{ status: 'succeeded' }, { status: 'failed' }],
    })
    expect(await running.database.query("select 1 from orders where status = 'gone'")).toEqual([])
  })

  test('that COMMIT refuses is rolled back, and the database says so', async () => {
    const outcome = await running.server.outcome(
      running.run("update orders set status = 'twice' where id in (3, 4)", ['dml']),
    )
    expect(outcome).toMatchObject({
      status: 'failed',
      effect: 'rolled_back',
      error: { code: 'database_error', sqlstate: '23505', statement: null },
      statements: [{ status: 'succeeded', affected_rows: 2 }],
      known_from: 'database',
    })
  })

  test('into its time limit is rolled back', async () => {
    const limits = {
      statement_timeout_ms: 200,
      lock_timeout_ms: 100,
      max_rows: 10,
      max_result_bytes: 1000,
      max_field_bytes: 1000,
      max_affected_rows: null,
    }
    const outcome = await running.server.outcome(
      running.run("update orders set status = 'slow' where id = 5 and pg_sleep(20) is null", ['dml'], { limits }),
    )
    expect(outcome).toMatchObject({ status: 'failed', effect: 'rolled_back', error: { code: 'statement_timeout' } })
  })
})

describe('a statement outside transactions', () => {
  const alone = (sql: string) => running.run('', ['ddl'], { statements: [{ sql, transactional: false }] })

  test('runs without BEGIN', async () => {
    const outcome = await running.server.outcome(alone('create index concurrently by_status on orders (status)'))
    expect(outcome).toMatchObject({ status: 'succeeded', effect: 'committed' })
  })

  test('that did not begin has left nothing', async () => {
    const outcome = await running.server.outcome(alone('create index concurrently i on orders (no_such_column)'))
    expect(['rolled_back', 'partial']).toContain(outcome.effect)
    expect(outcome).toMatchObject({ status: 'failed', error: { sqlstate: '42703' } })
  })

  test('that failed on its way has left a part', async () => {
    await running.database.query('create table doubles as select 1 as a from generate_series(1, 2)')
    const outcome = await running.server.outcome(alone('create unique index concurrently doubled on doubles (a)'))
    expect(outcome).toMatchObject({ status: 'failed', effect: 'partial', error: { sqlstate: '23505' } })
    expect(
      await running.database.query("select indisvalid from pg_index where indexrelid = 'doubled'::regclass"),
    ).toEqual([{ indisvalid: false }])
  })
})

describe('a refusal', () => {
  test('reaches the requester with its code, and nothing runs', async () => {
    const executionId = running.run('delete from orders', ['select'])
    expect(await running.server.outcome(executionId)).toMatchObject({
      status: 'failed',
      effect: 'none',
      error: { code: 'operation_not_covered', statement: null },
      statements: [],
      chunks: 0,
    })
    expect((await running.database.query('select 1 from orders')).length).toBeGreaterThan(5)
  })

  test('for a clock names the clock', async () => {
    running.server.clockOffsetMs = 120_000
    try {
      expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ error: { code: 'clock_skew' } })
    } finally {
      running.server.clockOffsetMs = 0
    }
  })

  test('is remembered: the same execution is refused a second time for that', async () => {
    running.server.clockOffsetMs = 120_000
    const executionId = running.run('select 1')
    await running.server.outcome(executionId)
    running.server.clockOffsetMs = 0
    running.server.requeue(executionId)
    await eventually(() => running.server.called('outcome', executionId).map(({ body }) => body.error)).toMatchObject([
      { code: 'clock_skew' },
      { code: 'execution_already_seen' },
    ])
  })

  test('meets the token of another server under the same key', async () => {
    const executionId = running.server.enqueue(workOrder('select 1'), { server_id: 'srv_other' })
    expect(await running.server.outcome(executionId)).toMatchObject({ error: { code: 'token_wrong_server' } })
  })
})

test('what has run once never runs again', async () => {
  const executionId = running.run("insert into orders values (50, 'once')", ['dml'])
  expect(await running.server.outcome(executionId)).toMatchObject({ effect: 'committed' })
  await running.database.query('delete from orders where id = 50')
  running.server.requeue(executionId)
  await eventually(() => running.server.called('outcome', executionId).length).toBe(2)
  // Not `none`: that would give its slot back.
  expect(await running.server.outcome(executionId)).toMatchObject({
    effect: 'committed',
    error: { code: 'execution_already_seen' },
    known_from: 'journal',
  })
  expect(await running.database.query('select 1 from orders where id = 50')).toEqual([])
})

test('the log has neither SQL nor values nor tokens nor passwords', async () => {
  const executionId = running.run("select 'hush-value' from no_such_table_hush")
  await running.server.outcome(executionId)
  const url = new URL(running.database.url)
  expect(running.log()).toContain(executionId)
  expect(running.log()).not.toContain('hush')
  expect(running.log()).not.toContain('twl_agent')
  if (url.password) expect(running.log()).not.toContain(url.password)
})
