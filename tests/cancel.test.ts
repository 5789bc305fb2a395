import { api } from '@twinlock/contract'
import { startTestStack, submit, type TestStack, waitForExecution } from '@twinlock/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack({
    schema: 'create table orders (id int); insert into orders select generate_series(1, 10)',
  })
})
afterAll(() => stack[Symbol.asyncDispose]())

const sessionsOf = (id: string) =>
  stack.development.query(`select state from pg_stat_activity where application_name like 'twinlock ${id}%'`)

async function startAndCancel(sql: string, part: string) {
  const { latest_execution } = await submit(stack.alice.client, sql, 'app/development', { start: 'on_approval' })
  const id = latest_execution?.id ?? ''
  await expect
    .poll(
      () =>
        stack.development.query(
          `select 1 from pg_stat_activity where application_name like 'twinlock ${id}%' and state = 'active' and query like '%${part}%'`,
        ),
      { timeout: 20_000, interval: 20 },
    )
    .toHaveLength(1)
  await stack.alice.client.call(api.executions.cancel, { params: { id }, body: { reason: 'wrong month' } })
  return await waitForExecution(stack.alice.client, id)
}

test.each([
  ['a sleeping query', 'select pg_sleep(600)', 'pg_sleep'],
  [
    'a CPU-bound query',
    'select count(*) from generate_series(1, 1000000000) a, generate_series(1, 1000000000) b',
    'count',
  ],
  ['a lock wait', 'delete from orders', 'delete from'],
])('%s that its requester cancels ends in the database, and nothing of it is left', async (_title, sql, part) => {
  await using _ = await stack.development.hold('begin; lock table orders in share mode')
  const execution = await startAndCancel(sql, part)
  expect(execution).toMatchObject({
    status: 'cancelled',
    effect: 'rolled_back',
    error: { code: 'cancelled', message: 'Cancelled on request: wrong month' },
    cancel: { by: 'alice', reason: 'wrong month' },
  })
  await expect.poll(() => sessionsOf(execution.id), { timeout: 20_000 }).toEqual([])
  expect(await stack.development.query('select count(*)::int as n from orders')).toEqual([{ n: 10 }])
})

test('after a cancelled write its locks are free', async () => {
  const execution = await startAndCancel(
    'update orders set id = id + 1; update orders set id = id where id = 1 and pg_sleep(600) is null',
    'pg_sleep',
  )
  expect(execution).toMatchObject({ status: 'cancelled', effect: 'rolled_back' })
  expect(await stack.development.query('select id from orders order by id for update nowait')).toHaveLength(10)
})
