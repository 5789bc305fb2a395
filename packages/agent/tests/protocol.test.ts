import { readFile } from 'node:fs/promises'
import { generateSigningKey } from '@twinlock/evidence'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from './fixtures/eventually.ts'
import { id, workOrder } from './fixtures/orders.ts'
import type { Fault } from './fixtures/protocol-server.ts'
import { startProtocolServer } from './fixtures/protocol-server.ts'
import { type RunningAgent, startRunningAgent } from './fixtures/running-agent.ts'

let running: RunningAgent
afterEach(() => running[Symbol.asyncDispose]())

const count = (name: 'start' | 'outcome' | 'heartbeat' | 'poll' | 'chunks', executionId?: string) =>
  running.server.called(name, executionId).length

const journalOf = ({ stateDir }: RunningAgent) => readFile(`${stateDir}/journal.ndjson`, 'utf8')

/** A fault for the first so many calls of a name. */
/** More than comes with an outcome. */
const LONG_READ = `select repeat('x', 100000)`

function firstCalls(name: string, times: number, fault: Fault): RunningAgent['server']['fault'] {
  return (call) => (call.name === name && call.nth <= times ? fault : undefined)
}

describe('a line that breaks', () => {
  test.each(['cut', 'cut_after', 503] as const)(
    'at the start (%s): it is asked for again with the same lease',
    async (fault) => {
      running = await startRunningAgent()
      running.server.fault = firstCalls('start', 1, fault)
      const executionId = running.run('select 1')
      expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded' })
      const leases = running.server.called('start', executionId).map(({ body }) => body.lease_id)
      expect(leases).toHaveLength(2)
      expect(new Set(leases).size).toBe(1)
    },
  )

  test.each(['cut', 'cut_after', 500, 401, 403] as const)(
    'at the outcome (%s): it is reported again',
    async (fault) => {
      running = await startRunningAgent({ schema: 'create table t (a int)' })
      running.server.fault = firstCalls('outcome', 2, fault)
      const executionId = running.run('insert into t values (1)', ['dml'])
      await eventually(() => count('outcome', executionId)).toBe(3)
      expect(await running.server.outcome(executionId)).toMatchObject({ effect: 'committed' })
      expect(await running.database.query('select a from t')).toEqual([{ a: 1 }])
    },
  )

  test('at a chunk: it is brought again', async () => {
    running = await startRunningAgent()
    running.server.fault = firstCalls('chunks', 1, 'cut_after')
    const executionId = running.run(LONG_READ)
    expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded', chunks: 1 })
    expect(running.server.called('chunks', executionId).map(({ body }) => body.n)).toEqual(['0', '0'])
  })

  test('at the poll: it is asked again', async () => {
    running = await startRunningAgent()
    running.server.fault = firstCalls('poll', 3, 'cut')
    expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
  })

  test('at the poll answer that carried the lease: nothing runs until it is leased again', async () => {
    running = await startRunningAgent()
    running.server.fault = firstCalls('poll', 1, 'cut_after')
    const executionId = running.run('select 1')
    await eventually(() => count('poll')).toBeGreaterThan(1)
    running.server.requeue(executionId)
    expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded' })
  })
})

test('a lease that is no longer held is dropped, and reported to nobody', async () => {
  running = await startRunningAgent()
  running.server.fault = (call) => (call.name === 'start' && call.nth === 1 ? 409 : undefined)
  const executionId = running.run('select 1')
  await eventually(() => count('start', executionId)).toBe(1)
  running.server.requeue(executionId)
  expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded' })
  expect(count('outcome', executionId)).toBe(1)
})

test('an outcome the server refuses for good is not brought again, not even after a restart', async () => {
  running = await startRunningAgent()
  running.server.fault = (call) => (call.name === 'outcome' ? 'execution_closed' : undefined)
  const executionId = running.run('select 1')
  await eventually(() => count('outcome', executionId)).toBe(1)
  await eventually(() => running.log()).toContain('the server does not take the outcome')
  await running.restart()
  await eventually(() => running.log().split('agent starts').length).toBe(3)
  const polls = count('poll')
  await eventually(() => count('poll')).toBeGreaterThan(polls)
  expect(count('outcome', executionId)).toBe(1)
})

describe('an outcome of a write that the server refuses', () => {
  test.each(['execution_not_found', 'unauthenticated', 'permission_denied', 'lease_lost'] as const)(
    'with %s is kept, over a restart too, until it is taken',
    async (code) => {
      running = await startRunningAgent({ schema: 'create table t (a int)' })
      let isRefused = true
      running.server.fault = ({ name }) => (isRefused && name === 'outcome' ? code : undefined)
      const executionId = running.run('insert into t values (1)', ['dml'])
      await eventually(() => count('outcome', executionId)).toBeGreaterThan(1)
      expect(running.log()).toContain('the server refuses the outcome; it is kept and reported again')
      expect(running.log()).toContain('Give this agent a token for the same targets')
      await running.restart()
      await eventually(() => running.log().split('agent starts').length).toBe(3)
      expect(await journalOf(running)).not.toContain('"reported"')
      isRefused = false
      expect(await running.server.outcome(executionId)).toMatchObject({ effect: 'committed' })
      await eventually(() => journalOf(running)).toContain('"reported"')
    },
  )

  test('as invalid is not brought again, and that is an error in the log', async () => {
    running = await startRunningAgent({ schema: 'create table t (a int)' })
    running.server.fault = ({ name }) => (name === 'outcome' ? 'invalid_request' : undefined)
    const executionId = running.run('insert into t values (1)', ['dml'])
    await eventually(() => journalOf(running)).toContain('"reported"')
    await running.restart()
    expect(await running.server.called('outcome', executionId)).toHaveLength(1)
    const line = running
      .log()
      .split('\n')
      .find((text) => text.includes('the server does not take the outcome'))
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 50, code: 'invalid_request', execution: executionId })
  })
})

test('a refusal that the server does not hear is given up, and not brought again after a restart', async () => {
  running = await startRunningAgent({ overrides: { giveUpReportMs: 100 } })
  running.server.fault = ({ name }) => (name === 'outcome' ? 'cut' : undefined)
  running.server.clockOffsetMs = 120_000
  const executionId = running.run('select 1')
  await eventually(() => running.log()).toContain('that nothing ran could not be reported and is given up')
  const told = count('outcome', executionId)
  running.server.fault = () => undefined
  running.server.clockOffsetMs = 0
  await running.restart()
  expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
  expect(count('outcome', executionId)).toBe(told)
})

test('of an order without a signature that holds, no more than its id is written down', async () => {
  running = await startRunningAgent()
  running.server.forgeTokens()
  const executionId = running.run('select 1')
  expect(await running.server.outcome(executionId)).toMatchObject({
    effect: 'none',
    error: { code: 'server_key_changed' },
  })
  const lines = (await journalOf(running)).split('\n').filter((text) => text.includes(executionId))
  expect(lines.map((text) => JSON.parse(text))[0]).toEqual({
    type: 'reported',
    execution_id: executionId,
    valid_until: expect.any(Number),
    effect: 'none',
  })
  expect(new Set(lines).size).toBe(1)
})

describe('a lease that is none', () => {
  const REAL = 'lse_00000000000000000000000001'
  test.each([
    ['an id over its length', { lease_id: 'x'.repeat(101) }],
    ['an id of four megabytes', { lease_id: 'x'.repeat(4 * 1024 * 1024) }],
    ['an execution that is a path', { execution_id: '../x' }],
    ['an order beyond all bounds', { work_order: 'x'.repeat(9 * 1024 * 1024) }],
  ])('(%s) is dropped with a line in the log, and the others of its answer are handled', async (_title, wrong) => {
    running = await startRunningAgent()
    let spoiled = 0
    running.server.changeLeases = (leases) => {
      if (leases.length === 0) return leases
      spoiled += 1
      return [{ execution_id: id('exe'), lease_id: REAL, work_order: '{}', ...wrong }, 7, ...leases]
    }
    expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
    const line = running
      .log()
      .split('\n')
      .filter((text) => text.includes('are dropped'))
    expect(line.map((text) => JSON.parse(text))).toMatchObject(Array(spoiled).fill({ level: 40, leases: 2 }))
    expect((await journalOf(running)).length).toBeLessThan(5000)
    expect(running.log().length).toBeLessThan(5000)
  })

  test('because somebody between renamed it leaves a journal that opens again', async () => {
    running = await startRunningAgent()
    running.server.changeLeases = (leases) =>
      leases.map((lease) => ({ ...(lease as object), lease_id: 'x'.repeat(101) }))
    const executionId = running.run('select 1')
    await eventually(() => running.log()).toContain('are dropped')
    running.server.changeLeases = (leases) => leases
    running.server.requeue(executionId)
    expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded' })
    await running.restart()
    expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
  })
})

test('tokens for another journal, again and again, make the agent say that its id may be taken twice', async () => {
  running = await startRunningAgent()
  const other = () => running.server.enqueue(workOrder('select 1'), { journal_id: id('jrn') })
  const warning = 'another agent may be using the same agent_id'
  for (let i = 0; i < 2; i++)
    expect(await running.server.outcome(other())).toMatchObject({ error: { code: 'token_wrong_journal' } })
  expect(running.log()).not.toContain(warning)
  await running.server.outcome(other())
  await eventually(() => running.log()).toContain(warning)
  for (let i = 0; i < 5; i++) await running.server.outcome(other())
  expect(running.log().split(warning)).toHaveLength(2)
})

test('a replay with a broken token cannot pass for the outcome of what was committed', async () => {
  running = await startRunningAgent({ schema: 'create table t (a int)' })
  let isCut = true
  running.server.fault = ({ name }) => (isCut && name === 'outcome' ? 'cut' : undefined)
  const executionId = running.server.enqueue(workOrder('insert into t values (1)', ['dml']))
  await eventually(() => count('outcome', executionId)).toBeGreaterThan(0)
  running.server.requeue(executionId)
  running.server.forgeTokens()
  await eventually(() => count('start', executionId)).toBe(2)
  await running.restart()
  isCut = false
  expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded', effect: 'committed' })
  const effects = running.server.called('outcome', executionId).map(({ body }) => body.effect)
  expect(new Set(effects)).toEqual(new Set(['committed']))
})

test('a running execution heartbeats, and lost or refused heartbeats change nothing', async () => {
  running = await startRunningAgent({ overrides: { heartbeatMs: 50 } })
  running.server.fault = (call) => (call.name === 'heartbeat' ? (call.nth % 2 ? 'cut' : 409) : undefined)
  const executionId = running.run('select pg_sleep(1)')
  expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded' })
  const beats = count('heartbeat', executionId)
  expect(beats).toBeGreaterThan(3)
  expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
  expect(count('heartbeat', executionId)).toBeLessThanOrEqual(beats + 1)
})

test('a write is committed while the server cannot be reached, and its rows come later', async () => {
  running = await startRunningAgent({ schema: 'create table t (a int)' })
  const reachable = Promise.withResolvers<void>()
  let isCut = true
  void reachable.promise.then(() => {
    isCut = false
  })
  running.server.fault = ({ name }) => (isCut && (name === 'chunks' || name === 'outcome') ? 'cut' : undefined)
  const sql = "insert into t select i from generate_series(1, 20000) i returning repeat('x', 500)"
  const executionId = running.run(sql, ['dml'])
  await eventually(() => running.database.query('select count(*)::int as n from t')).toEqual([{ n: 20_000 }])
  expect(count('outcome', executionId)).toBe(0)
  reachable.resolve()
  const outcome = await running.server.outcome(executionId)
  expect(outcome).toMatchObject({ status: 'succeeded', effect: 'committed' })
  expect(outcome.chunks).toBeGreaterThan(10)
  expect(running.server.result(executionId).toString().split('\n').at(-2)).toContain('"affected_rows":20000')
})

test('a write whose result is refused is still told to have been committed', async () => {
  running = await startRunningAgent({ schema: 'create table t (a int)' })
  running.server.fault = firstCalls('chunks', 99, 413)
  const executionId = running.run('insert into t values (1) returning a', ['dml'])
  expect(await running.server.outcome(executionId)).toMatchObject({
    status: 'succeeded',
    effect: 'committed',
    error: null,
    // The server has none of it, and sees that by the number.
    chunks: 1,
    result_sha256: expect.any(String),
  })
})

test('a read whose result is refused has failed', async () => {
  running = await startRunningAgent()
  running.server.fault = firstCalls('chunks', 99, 413)
  expect(await running.server.outcome(running.run(LONG_READ))).toMatchObject({
    status: 'failed',
    effect: 'rolled_back',
    error: { code: 'result_upload_failed' },
  })
})

test('a full agent keeps polling with no room, and polls anew the moment it has some', async () => {
  running = await startRunningAgent({
    setup: { concurrency: 1 },
    server: await startProtocolServer({ holdMs: 15_000 }),
  })
  const first = running.run('select pg_sleep(0.7)')
  await eventually(() => count('start', first)).toBe(1)
  const second = running.run('select 2')
  await eventually(() => running.server.called('poll').at(-1)?.body.free_capacity).toBe(0)
  expect(count('start', second)).toBe(0)
  expect(await running.server.outcome(second)).toMatchObject({ status: 'succeeded' })
})

test('leases beyond the free capacity are handed back', async () => {
  running = await startRunningAgent({ setup: { concurrency: 1 } })
  const ids = [running.run('select pg_sleep(0.3)'), running.run('select 2')]
  running.server.fault = (call) => {
    if (call.name === 'poll') call.body.free_capacity = 2
    return undefined
  }
  for (const executionId of ids)
    expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded' })
})

test('a database that is down fails its executions without a trace, and nothing else', async () => {
  running = await startRunningAgent({
    setup: { extra: '[databases.other.production]\nurl = "postgres://127.0.0.1:1/none"' },
  })
  const down = running.run('select 1', ['select'], { target: { database: 'other', environment: 'production' } })
  expect(await running.server.outcome(down)).toMatchObject({
    status: 'failed',
    effect: 'none',
    error: { code: 'connection_failed' },
  })
  expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
})

describe("the server's key", () => {
  test('without the pinned fingerprint: nothing is leased, and the log says what to do', async () => {
    const token = `twl_agent_${'a'.repeat(64)}_${generateSigningKey().fingerprint}`
    running = await startRunningAgent({ setup: { token } })
    await eventually(() => running.log()).toContain('give the agent a token with the new fingerprint')
    await eventually(() => running.server.called('jwks').length).toBeGreaterThan(1)
    expect(count('poll')).toBe(0)
  })

  test('is fetched once', async () => {
    running = await startRunningAgent()
    await running.server.outcome(running.run('select 1'))
    await running.restart()
    expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
    expect(running.server.called('jwks')).toHaveLength(1)
  })

  test('of first use is remembered, and another is refused', async () => {
    const token = `twl_agent_${'a'.repeat(64)}`
    running = await startRunningAgent({ setup: { token } })
    expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
    expect(running.log()).toContain('trusted from now on')
    await using impostor = await startProtocolServer()
    await running.restart({}, { server: impostor })
    expect(await impostor.outcome(impostor.enqueue(workOrder('select 1')))).toMatchObject({
      effect: 'none',
      error: { code: 'server_key_changed' },
    })
  })
})

test('an agent that stops lets its work end, and says so', async () => {
  running = await startRunningAgent({ schema: 'create table t (a int)' })
  const executionId = running.run('insert into t select 1 from pg_sleep(0.5)', ['dml'])
  await eventually(() => count('start', executionId)).toBe(1)
  await running.agent.stop()
  expect(await running.server.outcome(executionId)).toMatchObject({ status: 'succeeded', effect: 'committed' })
})

test('work that does not end in time is cancelled and rolled back, and that is reported', async () => {
  running = await startRunningAgent({ schema: 'create table t (a int)' })
  const executionId = running.run('insert into t select 1 from pg_sleep(60)', ['dml'])
  await eventually(() =>
    running.database.query("select 1 from pg_stat_activity where query like 'insert into t%'"),
  ).toHaveLength(1)
  await running.agent.stop({ drainMs: 100 })
  expect(await running.server.outcome(executionId)).toMatchObject({
    status: 'failed',
    effect: 'rolled_back',
    error: { code: 'agent_stopping' },
  })
})
