import { setTimeout as sleep } from 'node:timers/promises'
import { api } from '@twinlock/contract'
import { submit, waitForExecution } from '@twinlock/testing'
import pg from 'pg'
import { type Benchmark, type Figure, percentile } from './measure.ts'
import { type BenchStage, setTheStage } from './stage.ts'

const CONFIG = `
[limits]
statement_timeout = "10m"
lock_timeout = "10m"
max_rows = 1000000000
max_result_bytes = "1TiB"
[[databases]]
name = "app"
environments = ["development"]
dialect = "postgresql"
[[workflows]]
database = "*"
environment = "*"
auto_approve = "always"
`
const STATEMENTS = [
  ['a sleeping query', 'select pg_sleep(600)'],
  ['a CPU-bound query', 'select count(*) from generate_series(1, 1000000000) a, generate_series(1, 1000000000) b'],
  ['a lock wait', 'select * from locked'],
  ['a large fetch', "select i, repeat('x', 1000) from generate_series(1, 100000000) i"],
] as const

/** From somebody's cancel, over server and agent, until the database runs the statement no longer. */
export const cancel: Benchmark = {
  name: 'cancel',
  what: 'cancel asked for to statement gone from the database, median',
  async run({ smoke }) {
    await using stage = await setTheStage({ config: CONFIG })
    await stage.direct.query('create table locked (id int)')
    await using _ = await holdLock(stage)
    const figures: Figure[] = []
    for (const [name, sql] of STATEMENTS) {
      const samples: number[] = []
      for (let i = 0; i < (smoke ? 2 : 20); i++) samples.push(await timeCancel(stage, sql))
      figures.push({ name, value: percentile(samples, 0.5), unit: 'ms', budget: { at: 'most', value: 1000 } })
    }
    return figures
  },
}

/** On a connection of its own: within a transaction pg_stat_activity does not change. */
async function holdLock({ direct }: BenchStage): Promise<AsyncDisposable> {
  const { host, port, user, password, database } = direct
  const client = new pg.Client({ host, port, user, password, database } as pg.ClientConfig)
  await client.connect()
  await client.query('begin; lock table locked')
  return { [Symbol.asyncDispose]: () => client.end() }
}

async function timeCancel({ alice, direct }: BenchStage, sql: string): Promise<number> {
  const { latest_execution } = await submit(alice.client, sql, 'app/development', { start: 'on_approval' })
  const id = latest_execution?.id ?? ''
  const isRunning = async () => {
    const text = `select 1 from pg_stat_activity where application_name like $1 and state = 'active' and query = $2`
    return (await direct.query(text, [`twinlock ${id}%`, sql])).rows.length > 0
  }
  while (!(await isRunning())) await sleep(5)
  await sleep(50)
  const startedAt = performance.now()
  const asked = alice.client.call(api.executions.cancel, { params: { id }, body: {} })
  while (await isRunning()) await sleep(1)
  const took = performance.now() - startedAt
  await asked
  const { status, effect } = await waitForExecution(alice.client, id)
  if (status !== 'cancelled' || effect !== 'rolled_back') throw new Error(`the execution is ${status}, ${effect}`)
  return took
}
