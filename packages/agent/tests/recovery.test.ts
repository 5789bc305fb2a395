import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createTestDatabase, type TestDatabase } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KillPoint } from '../src/index.ts'
import { configText, type TemporaryDirectory, temporaryDirectory } from './fixtures/agent-setup.ts'
import { eventually } from './fixtures/eventually.ts'
import { workOrder } from './fixtures/orders.ts'
import { type ProtocolServer, startProtocolServer } from './fixtures/protocol-server.ts'

const PROCESS = fileURLToPath(new URL('./fixtures/agent-process.ts', import.meta.url))

let template: TestDatabase
beforeAll(async () => {
  template = await createTestDatabase({ schema: 'create table orders (id int)' })
})
afterAll(() => template[Symbol.asyncDispose]())

class Scene implements AsyncDisposable {
  readonly server: ProtocolServer
  readonly database: TestDatabase
  readonly directory: TemporaryDirectory
  readonly #children: ChildProcess[] = []

  constructor(server: ProtocolServer, database: TestDatabase, directory: TemporaryDirectory) {
    this.server = server
    this.database = database
    this.directory = directory
  }

  static async set(): Promise<Scene> {
    return new Scene(await startProtocolServer(), await template.clone(), await temporaryDirectory())
  }

  async agent(killAt?: KillPoint, databaseUrl = this.database.url): Promise<ChildProcess> {
    const file = `${this.directory.path}/twinlock-agent.toml`
    const stateDir = `${this.directory.path}/state`
    await writeFile(file, configText({ server: this.server, stateDir, databaseUrl }))
    const args = ['--conditions=twinlock-source', PROCESS, file, ...(killAt ? [killAt] : [])]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    this.#children.push(child)
    return child
  }

  async crash(killAt: KillPoint): Promise<void> {
    const child = await this.agent(killAt)
    const [, signal] = await once(child, 'exit')
    expect(signal).toBe('SIGKILL')
    await this.#gone()
  }

  async kill(child: ChildProcess): Promise<void> {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await this.#gone()
  }

  /** A poll of the dead would be given the next lease, and nobody would start it. */
  async #gone(): Promise<void> {
    await eventually(() => this.server.connections()).toBe(0)
  }

  rows() {
    return this.database.query('select id from orders')
  }

  async [Symbol.asyncDispose]() {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await this.server[Symbol.asyncDispose]()
    await this.database[Symbol.asyncDispose]()
    await this.directory[Symbol.asyncDispose]()
  }
}

const WRITE = 'insert into orders values (1)'
const ROLLED_BACK = { status: 'failed', effect: 'rolled_back', error: { code: 'agent_restarted' } }
const COMMITTED = {
  status: 'succeeded',
  effect: 'committed',
  error: null,
  statements: [{ status: 'succeeded', affected_rows: 1, row_count: null }],
}

describe('a write whose agent is killed', () => {
  test.each<[KillPoint, object, number]>([
    ['journaled_started', { ...ROLLED_BACK, known_from: 'journal' }, 0],
    ['statement_done', { ...ROLLED_BACK, known_from: 'journal' }, 0],
    ['journaled_committing', { ...ROLLED_BACK, known_from: 'database' }, 0],
    ['committed', { ...COMMITTED, known_from: 'database' }, 1],
    ['journaled_outcome', { ...COMMITTED, known_from: 'observed' }, 1],
    ['reported', { ...COMMITTED, known_from: 'observed' }, 1],
  ])('at %s is reported as it truly ended', async (killAt, truth, rows) => {
    await using scene = await Scene.set()
    const executionId = scene.server.enqueue(workOrder(WRITE, ['dml']))
    await scene.crash(killAt)
    await scene.agent()
    expect(await scene.server.outcome(executionId)).toMatchObject(truth)
    expect(await scene.rows()).toHaveLength(rows)
  })

  test.each<KillPoint>(['leased', 'started'])(
    'at %s has not touched the database, and the agent makes nothing up',
    async (killAt) => {
      await using scene = await Scene.set()
      const executionId = scene.server.enqueue(workOrder(WRITE, ['dml']))
      await scene.crash(killAt)
      await scene.agent()
      expect(await scene.server.outcome(scene.server.enqueue(workOrder('select 1')))).toMatchObject({
        status: 'succeeded',
      })
      expect(scene.server.called('outcome', executionId)).toEqual([])
      expect(await scene.rows()).toEqual([])
    },
  )

  test('before it started can be leased again and then runs once', async () => {
    await using scene = await Scene.set()
    const executionId = scene.server.enqueue(workOrder(WRITE, ['dml']))
    await scene.crash('leased')
    scene.server.requeue(executionId)
    await scene.agent()
    expect(await scene.server.outcome(executionId)).toMatchObject(COMMITTED)
    expect(await scene.rows()).toHaveLength(1)
  })

  test('after it started never runs again', async () => {
    await using scene = await Scene.set()
    const executionId = scene.server.enqueue(workOrder(WRITE, ['dml']))
    await scene.crash('committed')
    scene.server.requeue(executionId)
    await scene.agent()
    expect(await scene.server.outcome(executionId)).toMatchObject({ effect: 'committed' })
    await scene.server.outcome(scene.server.enqueue(workOrder('select 1')))
    const effects = scene.server.called('outcome', executionId).map(({ body }) => body.effect)
    expect(new Set(effects)).toEqual(new Set(['committed']))
    expect(await scene.rows()).toHaveLength(1)
  })

  test('is told once the database can be reached again, and other work goes on meanwhile', async () => {
    await using scene = await Scene.set()
    const executionId = scene.server.enqueue(workOrder(WRITE, ['dml']))
    await scene.crash('committed')
    const away = await scene.agent(undefined, 'postgres://127.0.0.1:1/none')
    const meanwhile = scene.server.enqueue(workOrder('select 1'))
    expect(await scene.server.outcome(meanwhile)).toMatchObject({ error: { code: 'connection_failed' } })
    expect(scene.server.called('outcome', executionId)).toEqual([])
    await scene.kill(away)
    await scene.agent()
    expect(await scene.server.outcome(executionId)).toMatchObject({ ...COMMITTED, known_from: 'database' })
  })

  test('twice, at recovery too, is still reported as it truly ended', async () => {
    await using scene = await Scene.set()
    const executionId = scene.server.enqueue(workOrder(WRITE, ['dml']))
    await scene.crash('committed')
    await scene.crash('journaled_outcome')
    await scene.agent()
    expect(await scene.server.outcome(executionId)).toMatchObject(COMMITTED)
  })
})

test('a statement outside transactions whose agent is killed stays lost: nobody can say', async () => {
  await using scene = await Scene.set()
  const statements = [{ sql: 'create index concurrently i on orders (id)', transactional: false }]
  const executionId = scene.server.enqueue(workOrder(statements, ['ddl']))
  await scene.crash('statement_done')
  await scene.agent()
  expect(await scene.server.outcome(scene.server.enqueue(workOrder('select 1')))).toMatchObject({ status: 'succeeded' })
  expect(scene.server.called('outcome', executionId)).toEqual([])
})

test('an outcome that reached the server is not reported again after a restart', async () => {
  await using scene = await Scene.set()
  const executionId = scene.server.enqueue(workOrder(WRITE, ['dml']))
  const first = await scene.agent()
  await scene.server.outcome(executionId)
  const journal = `${scene.directory.path}/state/journal.ndjson`
  await eventually(() => readFile(journal, 'utf8')).toContain('"reported"')
  await scene.kill(first)
  await scene.agent()
  await scene.server.outcome(scene.server.enqueue(workOrder('select 1')))
  expect(scene.server.called('outcome', executionId)).toHaveLength(1)
})

test('a connection that is lost during COMMIT is asked after', async () => {
  await using scene = await Scene.set()
  // The deferred trigger runs in COMMIT, long enough to cut the line under it.
  await scene.database.query(`
    create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return null; end $$;
    create constraint trigger slow after insert on orders deferrable initially deferred
      for each row execute function slow();
  `)
  const executionId = scene.server.enqueue(workOrder(WRITE, ['dml']))
  await scene.agent()
  await eventually(() =>
    scene.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query = 'COMMIT' and state = 'active' and application_name like 'twinlock exe%'`,
    ),
  ).toHaveLength(1)
  expect(await scene.server.outcome(executionId)).toMatchObject({
    status: 'failed',
    effect: 'rolled_back',
    known_from: 'database',
  })
  expect(await scene.rows()).toEqual([])
})

function openIn(journal: string): string[] {
  const entries = journal
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const told = new Set(entries.filter(({ type }) => type === 'reported').map((entry) => entry.execution_id))
  return entries.filter(({ type, execution_id }) => type === 'started' && !told.has(execution_id))
}

test('whatever the moment of the kill, what is reported is what the database holds', async () => {
  await using scene = await Scene.set()
  const ids = new Map<string, number>()
  const toldOf = (round: number) =>
    [...ids].filter(([id, row]) => Math.floor(row / 100) === round && scene.server.called('outcome', id).length > 0)
      .length
  for (let round = 0; round < 6; round++) {
    const child = await scene.agent()
    await scene.server.outcome(scene.server.enqueue(workOrder('select 1')))
    for (let i = 0; i < 15; i++) {
      const row = round * 100 + i
      ids.set(scene.server.enqueue(workOrder(`insert into orders values (${row})`, ['dml'])), row)
    }
    // Some are through, and some are anywhere.
    await eventually(() => toldOf(round)).toBeGreaterThanOrEqual(2)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 50))
    await scene.kill(child)
  }
  await scene.agent()
  await scene.server.outcome(scene.server.enqueue(workOrder('select 1')))
  const journal = `${scene.directory.path}/state/journal.ndjson`
  // Everything the journal holds was told: as many ends as starts.
  await eventually(async () => openIn(await readFile(journal, 'utf8'))).toEqual([])
  const held = new Map<number, number>()
  for (const { id } of await scene.rows()) held.set(Number(id), (held.get(Number(id)) ?? 0) + 1)
  let committed = 0
  for (const [executionId, row] of ids) {
    const effects = new Set(scene.server.called('outcome', executionId).map(({ body }) => body.effect))
    expect(effects.size).toBeLessThanOrEqual(1)
    if (effects.has('committed')) committed += 1
    // Nobody may have been told where the agent died between the answer to start and its journal.
    if (effects.size === 1) expect([row, held.get(row) ?? 0]).toEqual([row, effects.has('committed') ? 1 : 0])
    else expect(held.get(row)).toBeUndefined()
  }
  expect(committed).toBeGreaterThanOrEqual(12)
})
