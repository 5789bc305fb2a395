import { api, type ExecutionView } from '@twinlock/contract'
import { readResult, startTestStack, submit, type TestStack, waitForExecution } from '@twinlock/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const ROWS = 10_000
const SQL = `select n, repeat('x', 3000) from generate_series(1, ${ROWS}) n`

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack()
})
afterEach(() => {
  stack.proxy.hooks = {}
})
afterAll(() => stack[Symbol.asyncDispose]())

async function start(sql = SQL): Promise<string> {
  const request = await submit(stack.alice.client, sql, 'app/development', { start: 'on_approval' })
  return request.latest_execution?.id ?? ''
}

const inDatabase = () =>
  stack.development.query(
    `select state, query from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and (xact_start is not null or state <> 'idle')`,
  )

async function expectWhole(execution: ExecutionView): Promise<void> {
  expect(execution).toMatchObject({ status: 'succeeded', error: null, result: 'complete' })
  const [statement] = await readResult(stack.alice.client, execution.id)
  expect(statement?.trailer).toMatchObject({ row_count: ROWS, truncated: false })
  expect(statement?.rows.map(([n]) => n)).toEqual(Array.from({ length: ROWS }, (_, i) => i + 1))
}

describe('a client that reads a large result slowly', () => {
  it('keeps no transaction open and trips no timeout: the database is done while it has read a beginning', async () => {
    const id = await start()
    const stream = await stack.alice.client.stream(api.executions.result, { params: { id } })
    const parts = stream[Symbol.asyncIterator]()
    let bytes = (await parts.next()).value?.length ?? 0
    const execution = await waitForExecution(stack.alice.client, id)
    await expect.poll(inDatabase).toEqual([])
    expect(bytes).toBeLessThan(2_000_000)
    for (let next = await parts.next(); !next.done; next = await parts.next()) bytes += next.value.length
    expect(bytes).toBeGreaterThan(ROWS * 3000)
    await expectWhole(execution)
  })

  it('and one that goes away in the middle leave the next its whole result', async () => {
    const id = await start()
    const stream = await stack.alice.client.stream(api.executions.result, { params: { id } })
    for await (const _ of stream) break
    await expectWhole(await waitForExecution(stack.alice.client, id))
    await expect.poll(inDatabase).toEqual([])
  })
})

describe('a server that takes a large result slowly', () => {
  it('keeps no transaction open: what it does not take waits on the disk, and then it is there', async () => {
    const taken = Promise.withResolvers<void>()
    stack.proxy.hooks.request = ({ path }) => (path.includes('/chunks/') ? taken.promise : undefined)
    const id = await start()
    await expect
      .poll(async () => (await stack.alice.client.call(api.executions.get, { params: { id }, query: {} })).status)
      .toBe('running')
    await expect.poll(inDatabase, { timeout: 20_000 }).toEqual([])
    expect(await stack.alice.client.call(api.executions.get, { params: { id }, query: {} })).toMatchObject({
      status: 'running',
    })
    taken.resolve()
    await expectWhole(await waitForExecution(stack.alice.client, id))
  })

  it('chunk after chunk, beside others that are not held up', async () => {
    let held = ''
    stack.proxy.hooks.request = async ({ path }) => {
      if (path.includes(held) && path.includes('/chunks/')) await new Promise((resolve) => setTimeout(resolve, 50))
    }
    held = await start()
    for (let i = 0; i < 5; i++) {
      const execution = await waitForExecution(stack.alice.client, await start(`select ${i}`))
      expect(execution).toMatchObject({ status: 'succeeded' })
    }
    await expectWhole(await waitForExecution(stack.alice.client, held))
  })

  it('a write is committed at once, whatever becomes of its rows', async () => {
    await stack.development.query('create table if not exists written (n int, pad text)')
    const taken = Promise.withResolvers<void>()
    stack.proxy.hooks.request = ({ path }) => (path.includes('/chunks/') ? taken.promise : undefined)
    const id = await start(`insert into written ${SQL} returning *`)
    await expect
      .poll(() => stack.development.query('select count(*)::int as n from written'), { timeout: 20_000 })
      .toEqual([{ n: ROWS }])
    await expect.poll(inDatabase).toEqual([])
    taken.resolve()
    await expectWhole(await waitForExecution(stack.alice.client, id))
  })
})
