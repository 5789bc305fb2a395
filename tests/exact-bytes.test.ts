import { AppError, type RequestView } from '@twinlock/contract'
import { parseWorkOrder } from '@twinlock/evidence'
import { execute, startTestStack, submit, type TestStack } from '@twinlock/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const STATEMENTS = [
  "select 'it''s' as a",
  "select E'\\'; drop table t; --' as a",
  "select U&'d\\0061t\\+000061' as a",
  'select $$a ; b$$ as a, $x$ $$ ; $x$ as b',
  'select 1 /* a ; /* nested */ comment */ as a',
  'select 1 -- a ; comment\n as a',
  'select \'日本語 🔒 é\' as "spalte ü"',
  '/* leading */ select\t1  as   a',
  'SeLeCt \'MiXeD\' AS "MiXeD"',
  "select '\\' as a",
  "select 'tab\there\r\nand a line' as a",
]

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack()
})
afterAll(() => stack[Symbol.asyncDispose]())

/** What the database says it was sent, without the agent's own statements. */
async function executedStatements(application: string): Promise<string[]> {
  const log = await stack.development.statementLog()
  return log
    .filter((entry) => entry.applicationName.includes(application))
    .map((entry) => entry.message.replace(/^(execute [^:]*|statement): /, ''))
}

async function runAndReadBack(sql: string): Promise<string[]> {
  const request = await submit(stack.alice.client, sql)
  const execution = await execute(stack.alice.client, request)
  expect(execution.status).toBe('succeeded')
  return executedStatements(execution.id)
}

async function frozenSlices(id: string): Promise<string[]> {
  const { work_order } = await stack.server.server.ctx.db.read
    .selectFrom('requests')
    .select('work_order')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  const order = parseWorkOrder(work_order)
  if (!order.ok) throw new Error(order.detail)
  return order.payload.statements.map(({ sql }) => sql)
}

describe('what reaches the database', () => {
  it.each(STATEMENTS.map((sql) => [sql]))('is byte for byte what was submitted: %j', async (sql) => {
    expect(await runAndReadBack(sql)).toContain(sql)
  })

  it('is, for several statements, each slice as it was written', async () => {
    const sql = `  ${STATEMENTS.join(' ;\n\t')};  -- the end\n`
    const request = await submit(stack.alice.client, sql)
    const slices = await frozenSlices(request.id)
    expect(slices.join('')).toBe(sql)
    const execution = await execute(stack.alice.client, request)
    expect(execution.statements).toHaveLength(STATEMENTS.length)
    const seen = await executedStatements(execution.id)
    for (const slice of slices) expect(seen).toContain(slice)
  })

  it('is the original whenever slices are joined, for whatever text', async () => {
    let accepted = 0
    const part = fc.oneof(fc.constantFrom(...STATEMENTS), fc.constantFrom(';', ';;', '\n', '/* ; */', '-- x\n', ' '))
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), async (parts) => {
        const sql = parts.join(';')
        const answer = await submit(stack.alice.client, sql).catch((error: unknown) => error)
        if (answer instanceof AppError) expect(['sql_empty', 'no_matching_workflow']).toContain(answer.code)
        else {
          accepted++
          expect((await frozenSlices((answer as RequestView).id)).join('')).toBe(sql)
        }
      }),
      { numRuns: 40 },
    )
    expect(accepted).toBeGreaterThan(10)
  })
})
