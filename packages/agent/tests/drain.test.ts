import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createTestDatabase, type RunningProcess, startNode, type TestDatabase } from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { configText, type TemporaryDirectory, temporaryDirectory } from './fixtures/agent-setup.ts'
import { eventually } from './fixtures/eventually.ts'
import { workOrder } from './fixtures/orders.ts'
import { type ProtocolServer, startProtocolServer } from './fixtures/protocol-server.ts'
import { startRunningAgent } from './fixtures/running-agent.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

describe('SIGTERM to a real agent', () => {
  let server: ProtocolServer
  let database: TestDatabase
  let directory: TemporaryDirectory
  let agent: RunningProcess
  beforeEach(async () => {
    server = await startProtocolServer()
    database = await createTestDatabase({ schema: 'create table t (a int)' })
    directory = await temporaryDirectory()
  })
  afterEach(async () => {
    await agent[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
    await directory[Symbol.asyncDispose]()
  })

  async function startAgent(drainTimeout: string): Promise<void> {
    const file = `${directory.path}/twinlock-agent.toml`
    const text = configText({ server, stateDir: `${directory.path}/state`, databaseUrl: database.url })
    await writeFile(file, `drain_timeout = "${drainTimeout}"\n${text}`, { mode: 0o600 })
    agent = startNode(MAIN, ['--config', file])
  }

  async function insertAndSleep(seconds: number): Promise<string> {
    const executionId = server.enqueue(workOrder(`insert into t select 1 from pg_sleep(${seconds})`, ['dml']))
    await eventually(sessions).toHaveLength(1)
    return executionId
  }

  const sessions = () =>
    database.query(`select 1 from pg_stat_activity where query like 'insert into t%' and state = 'active'`)
  const rows = () => database.query('select a from t')

  test('lets what runs come to its end, and leases nothing more', async () => {
    await startAgent('30s')
    const executionId = await insertAndSleep(2)
    agent.kill('SIGTERM')
    await agent.line((line) => line.includes('agent stops'), 'it stopped')
    const polls = server.called('poll').length
    server.enqueue(workOrder('select 1'))
    expect(await server.outcome(executionId)).toMatchObject({ status: 'succeeded', effect: 'committed' })
    expect(await agent.ended).toBe(0)
    expect(server.called('poll')).toHaveLength(polls)
    expect(server.called('start')).toHaveLength(1)
    expect(await rows()).toHaveLength(1)
  })

  test('cancels what does not end within drain_timeout, rolls it back and says so', async () => {
    await startAgent('200ms')
    const executionId = await insertAndSleep(600)
    agent.kill('SIGTERM')
    expect(await server.outcome(executionId)).toMatchObject({
      status: 'failed',
      effect: 'rolled_back',
      error: {
        code: 'agent_stopping',
        message: 'The agent was stopped, and the execution did not end within 0.2 s.',
        statement: 1,
      },
    })
    expect(await agent.ended).toBe(0)
    expect(await sessions()).toEqual([])
    expect(await rows()).toEqual([])
  })

  test('ends it at once when it comes twice; the next start tells what became of the work', async () => {
    await startAgent('10m')
    const executionId = await insertAndSleep(600)
    agent.kill('SIGTERM')
    await agent.line((line) => line.includes('agent stops'), 'it stopped')
    agent.kill('SIGTERM')
    expect(await agent.ended).toBe(1)
    expect(server.called('outcome')).toEqual([])
    await startAgent('1s')
    expect(await server.outcome(executionId)).toMatchObject({
      effect: 'rolled_back',
      error: { code: 'agent_restarted' },
    })
  })
})

test('a lease whose start gets no answer is handed back when the agent stops', async () => {
  await using running = await startRunningAgent()
  running.server.fault = ({ name }) => (name === 'start' ? 500 : undefined)
  const executionId = running.run('select 1')
  await eventually(() => running.server.called('start', executionId).length).toBeGreaterThan(0)
  await running.agent.stop()
  expect(running.server.called('hand-back', executionId)).toHaveLength(1)
  expect(running.server.called('outcome')).toEqual([])
})

test('a commit that heeds no cancel and is under way when the agent ends is left to the next start, which asks the database', async () => {
  await using running = await startRunningAgent({
    schema: `create table t (a int);
      create function slowly() returns trigger language plpgsql as $$ begin
        for i in 1..40 loop
          begin perform pg_sleep(0.3); exception when query_canceled then end;
        end loop;
        return null;
      end $$;
      create constraint trigger slow after insert on t deferrable initially deferred
        for each row execute function slowly()`,
  })
  const executionId = running.run('insert into t values (1)', ['dml'])
  await eventually(() => running.database.query(`select 1 from pg_stat_activity where query = 'COMMIT'`)).toHaveLength(
    1,
  )
  await running.agent.stop({ drainMs: 0 })
  expect(running.server.called('outcome')).toEqual([])
  await running.restart()
  const outcome = await running.server.outcome(executionId)
  const isThere = (await running.database.query('select a from t')).length === 1
  expect(outcome).toMatchObject({ effect: isThere ? 'committed' : 'rolled_back', known_from: 'database' })
}, 40_000)
