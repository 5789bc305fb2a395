import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { execute, query, startTestStack, submit, type TestStack } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

// PostgreSQL itself takes seconds to make what is refused here.
vi.setConfig({ testTimeout: 120_000 })

const CONFIG = `
[[databases]]
name = "app"
environments = ["development", "production"]
dialect = "postgresql"

[[workflows]]
database = "app"
environment = "*"
operations = ["select", "dml", "ddl", "privileged"]
auto_approve = "always"
[workflows.limits]
statement_timeout = "2m"
`

const MAX_RSS = 300
const HUGE = "select repeat('x', 600000000)"

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack({
    schema: 'create table orders (id int, status text)',
    server: { config: CONFIG },
  })
})
afterAll(() => stack[Symbol.asyncDispose]())

/** The most the agent's process has ever had, in MB; where the kernel does not count that, what it has. */
function peakRss(): number {
  const { pid } = stack.agent.process
  if (process.platform !== 'linux') return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)])) / 1024
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}

const run = async (sql: string, target?: string) => (await query(stack.alice.client, sql, target)).execution
/** Without reading its rows here. */
const runOnly = async (sql: string) => execute(stack.alice.client, await submit(stack.alice.client, sql))

describe('the memory of the agent is bounded', () => {
  it('a field of 600 MB fails its own execution; what runs beside it is not disturbed', async () => {
    const beside = async () => {
      const ends: string[] = []
      for (let i = 0; i < 10; i++) {
        const { execution, result } = await query(
          stack.alice.client,
          `select ${i}, repeat('y', 100000)`,
          'app/production',
        )
        ends.push(`${execution.status} ${result[0]?.rows[0]?.[0]}`)
      }
      return ends
    }
    const [huge, others] = await Promise.all([run(HUGE), beside()])
    expect(huge).toMatchObject({ status: 'failed', effect: 'rolled_back', error: { code: 'field_too_large' } })
    expect(huge.error?.message).toContain('600000000 bytes')
    expect(others).toEqual(Array.from({ length: 10 }, (_, i) => `succeeded ${i}`))
    expect(peakRss()).toBeLessThan(MAX_RSS)
  })

  it('what was written before it is rolled back', async () => {
    const written = await run(`insert into orders values (1, 'before'); ${HUGE}`)
    expect(written).toMatchObject({ effect: 'rolled_back', error: { code: 'field_too_large', statement: 2 } })
    const returned = await run("insert into orders values (2, repeat('x', 600000000)) returning status")
    expect(returned).toMatchObject({ effect: 'rolled_back', error: { code: 'field_too_large' } })
    expect(await stack.development.query('select 1 from orders')).toEqual([])
    expect(peakRss()).toBeLessThan(MAX_RSS)
  })

  it.each<[what: string, sql: string]>([
    ['a row whose fields are each allowed', `select ${Array(6).fill("repeat('x', 15000000)").join()}`],
    ['a row of a gigabyte in 100 columns', `select ${Array(100).fill("repeat('x', 10000000)").join()}`],
    ['an error message of 500 MB', "do $$ begin raise exception '%', repeat('x', 500000000); end $$"],
    ['a detail of 200 MB', "do $$ begin raise 'x' using detail = repeat('x', 200000000); end $$"],
    [
      'a notice of 100 MB',
      "set client_min_messages = 'notice'; do $$ begin raise notice '%', repeat('x', 100000000); end $$",
    ],
  ])('%s fails its execution', async (_, sql) => {
    expect(await run(sql)).toMatchObject({
      status: 'failed',
      effect: 'rolled_back',
      error: { code: 'result_too_large' },
    })
    expect(peakRss()).toBeLessThan(MAX_RSS)
  })

  it.each<[what: string, sql: string]>([
    [
      'notices without end',
      "do $$ begin for i in 1..200000 loop raise notice '%', repeat('x', 1000); end loop; end $$",
    ],
    [
      'notices that were asked for',
      "set client_min_messages = 'notice'; do $$ begin for i in 1..100000 loop raise notice '%', repeat('x', 1000); end loop; end $$",
    ],
    [
      'changed parameters and notifications',
      "listen flood; do $$ begin for i in 1..20000 loop perform set_config('application_name', 'x' || i, false), pg_notify('flood', repeat('x', 2000) || i); end loop; end $$",
    ],
    ['1,600 columns', `select ${Array.from({ length: 1600 }, (_, i) => `'${i}'::text as c${i}`).join()}`],
    ['sixty fields of 15 MB', "select repeat('x', 15000000) from generate_series(1, 60)"],
    [
      'fields of 15 MB that JSON writes with six bytes for one',
      'select repeat(chr(1), 15000000) from generate_series(1, 3)',
    ],
  ])('%s are read to their end', async (_, sql) => {
    expect(await runOnly(sql)).toMatchObject({ status: 'succeeded', error: null })
    expect(peakRss()).toBeLessThan(MAX_RSS)
  })
})
