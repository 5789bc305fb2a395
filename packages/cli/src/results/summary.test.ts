import type { ExecutionView, StatementOutcome } from '@twinlock/contract'
import { expect, test } from 'vitest'
import { executionView } from '../../tests/sample-views.ts'
import { effectText, summaryLine } from './summary.ts'

const done = (affected_rows: number | null, row_count: number | null): StatementOutcome => ({
  status: 'succeeded',
  affected_rows,
  row_count,
})

test.each<[string, Partial<ExecutionView>, boolean, string]>([
  ['rows', { statements: [done(null, 3)] }, false, '3 rows   41 ms   agent prod-1'],
  ['one row', { statements: [done(null, 1)] }, false, '1 row   41 ms   agent prod-1'],
  ['no rows', { statements: [done(null, 0)] }, false, '0 rows   41 ms   agent prod-1'],
  ['a change', { statements: [done(1, null)] }, false, '1 row affected   41 ms   agent prod-1'],
  ['a change that returns its rows', { statements: [done(2, 2)] }, false, '2 rows affected   41 ms   agent prod-1'],
  ['neither', { statements: [done(null, null)] }, false, 'done   41 ms   agent prod-1'],
  ['several', { statements: [done(1, null), done(null, 5)] }, false, '2 statements   41 ms   agent prod-1'],
  [
    'cut off',
    { statements: [done(null, 10_000)] },
    true,
    '10,000 rows, cut off at the limit: there are more   41 ms   agent prod-1',
  ],
  ['without measurements', { statements: [done(null, 3)], duration_ms: null, agent: null }, false, '3 rows'],
  ['a long one', { statements: [done(null, 3)], duration_ms: 185_000 }, false, '3 rows   3 min 5 s   agent prod-1'],
])('%s', (_, changes, truncated, expected) => {
  expect(summaryLine(executionView(changes), truncated).safe).toBe(expected)
})

test.each<[ExecutionView['status'], ExecutionView['effect'], string]>([
  ['succeeded', 'committed', 'committed; 214 rows affected'],
  ['failed', 'rolled_back', 'rolled back: nothing changed'],
  ['failed', 'none', 'nothing ran: nothing changed'],
  ['succeeded', 'none', 'nothing changed'],
  ['failed', 'partial', 'part of it took effect'],
  ['failed', 'unknown', 'nobody can say what took effect'],
])('%s with effect %s', (status, effect, expected) => {
  const execution = executionView({ status, effect, statements: [done(200, null), done(14, null)] })
  expect(effectText(execution).safe).toBe(expected)
})
