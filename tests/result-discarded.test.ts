import { api, isAppError } from '@twinlock/contract'
import { DEFAULT_CONFIG, startTestStack, submit, type TestStack } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let stack: TestStack
beforeAll(async () => {
  const config = `${DEFAULT_CONFIG}\n[results]\nquota = "100KiB"\nreserve = 1\n`
  stack = await startTestStack({ schema: 'create table orders (id int)', server: { config } })
})
afterAll(() => stack[Symbol.asyncDispose]())

async function run(sql: string) {
  const { client } = stack.alice
  const { id } = await submit(client, sql, 'app/development')
  const execution = await client.call(api.requests.execute, { params: { id }, body: {} })
  return client.call(api.executions.get, { params: { id: execution.id }, query: { wait: 30 } })
}

describe('a result that is larger than the room for results', () => {
  it('is discarded, and the read it is of succeeded', async () => {
    const execution = await run("select repeat('x', 2000) from generate_series(1, 1000)")
    expect(execution).toMatchObject({
      status: 'succeeded',
      error: null,
      statements: [{ status: 'succeeded', row_count: 1000 }],
      result: 'discarded',
      result_reason: 'quota',
    })
    const read = stack.alice.client.stream(api.executions.result, { params: { id: execution.id } })
    const refused = await read.catch((error: unknown) => error)
    expect(isAppError(refused, 'result_discarded')).toBe(true)
    expect(stack.server.server.ctx.room.usedBytes).toBe(0)
  })

  it('takes nothing from the write that made it', async () => {
    const sql = "insert into orders select i from generate_series(1, 1000) i returning id, repeat('x', 2000)"
    expect(await run(sql)).toMatchObject({
      status: 'succeeded',
      effect: 'committed',
      result: 'discarded',
      statements: [{ affected_rows: 1000 }],
    })
    expect(await stack.development.query('select count(*)::int as n from orders')).toEqual([{ n: 1000 }])
  })
})
