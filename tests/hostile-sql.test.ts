import { AppError } from '@twinlock/contract'
import { query, readAuditRecords, startTestStack, submit, type TestStack } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** What each is answered with in production, where no workflow names `unparsed`. */
const HOSTILE: [what: string, sql: string, answer: string][] = [
  ['10,000 parentheses', `select ${'('.repeat(10_000)}1${')'.repeat(10_000)}`, 'no_matching_workflow'],
  ['100,000 parentheses', `select ${'('.repeat(100_000)}1`, 'no_matching_workflow'],
  ['20 KB of 1+1+…', `select ${'1+'.repeat(10_000)}1`, 'accepted'],
  [
    '10,000 nested CASE',
    `select ${'case when true then '.repeat(10_000)}1${' end'.repeat(10_000)}`,
    'no_matching_workflow',
  ],
  ['a NUL byte', 'select 1\0; drop table t', 'sql_invalid_text'],
  ['a lone surrogate', "select '\ud800'", 'sql_invalid_text'],
  ['a megabyte in one literal', `select '${'x'.repeat(1_000_000)}'`, 'no_matching_workflow'],
  ['5,000 statements', 'select 1;'.repeat(5_000), 'too_many_statements'],
  ['an unterminated quote', "select 'abc", 'no_matching_workflow'],
  ['an unterminated comment', 'select 1 /* ', 'no_matching_workflow'],
  ['an unterminated dollar quote', 'select $x$ 1', 'no_matching_workflow'],
  ['10,000 nested arrays', `select ${'array['.repeat(10_000)}1${']'.repeat(10_000)}`, 'no_matching_workflow'],
  [
    'a list of 20,000 values',
    `select 1 where 1 in (${Array.from({ length: 20_000 }, (_, i) => i).join(',')})`,
    'accepted',
  ],
  ['nothing', '', 'sql_empty'],
  ['a comment alone', '-- nothing', 'sql_empty'],
]

let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack()
})
afterAll(() => stack[Symbol.asyncDispose]())

describe('thirty hostile statements in a row', () => {
  it('each get an answer, none is a server error, and the parser is as good as new', async () => {
    for (const [what, sql, expected] of [...HOSTILE, ...HOSTILE]) {
      const answer = await submit(stack.alice.client, sql, 'app/production').catch((error: unknown) => error)
      expect([what, answer instanceof AppError ? answer.code : 'accepted']).toEqual([what, expected])
    }
    expect((await submit(stack.alice.client, 'select 1', 'app/production')).operations).toEqual(['select'])
    expect(
      (await submit(stack.alice.client, 'with x as (delete from t returning *) select * from x', 'app/production'))
        .operations,
    ).toEqual(['dml'])
    expect((await query(stack.alice.client, 'select 1 as one')).result[0]?.rows).toEqual([[1]])
  })
})

describe('a request', () => {
  it('of more statements than anybody can review is refused', async () => {
    await expect(submit(stack.alice.client, 'select;'.repeat(1001))).rejects.toMatchObject({
      code: 'too_many_statements',
    })
    expect((await query(stack.alice.client, 'select;'.repeat(1000))).execution.statements).toHaveLength(1000)
  })
})

describe('a literal, and a token', () => {
  it('are in no log line of server or agent, and no literal is in the audit log', async () => {
    const canary = 'canary_5d41402abc4b'
    for (const sql of [
      `select '${canary}'`,
      `select '${canary}' from no_such_table`,
      `select '${canary}'::int`,
      `selec '${canary}'`,
      `commit; select '${canary}'`,
      `do $$ begin raise exception '${canary}'; end $$`,
    ])
      await query(stack.alice.client, sql).catch(() => undefined)
    const logs = [...stack.server.logLines, ...stack.agent.process.lines].join('\n')
    expect(stack.server.logLines.length).toBeGreaterThan(20)
    expect(logs).not.toContain(canary)
    expect(JSON.stringify(await readAuditRecords(stack.server))).not.toContain(canary)
    for (const secret of [stack.alice.token, stack.server.admin.token, stack.server.agentToken]) {
      const [, , random = secret] = secret.split('_')
      expect(logs).not.toContain(random)
    }
  })
})
