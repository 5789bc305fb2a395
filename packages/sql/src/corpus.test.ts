import { afterAll, describe, expect, test } from 'vitest'
import { readCorpus } from '../corpus/read-corpus.ts'
import type { Analysis, Statement } from './analysis.ts'
import { createAnalyzer } from './create-analyzer.ts'

const CORPUS = readCorpus()
const analyzer = createAnalyzer({ dialect: 'postgresql', timeoutMs: 10_000 })
afterAll(() => analyzer[Symbol.asyncDispose]())

function describeStatement(statement: Statement): string {
  const words: string[] = [statement.operation]
  if (statement.plainRead) words.push('plain')
  if (!statement.transactional) words.push('notx')
  if (statement.forbidden !== null) words.push(`!${statement.forbidden.rule}`)
  const unknown = statement.unknownFunctions.join(',')
  if (unknown !== '') words.push(statement.readIfFunctionsHarmless ? `?${unknown}` : unknown)
  return words.join(' ')
}

function describeAnalysis(analysis: Analysis): string {
  return analysis.ok ? analysis.statements.map(describeStatement).join('; ') : analysis.code
}

describe('every case of the PostgreSQL corpus is what it says', () => {
  test.each(CORPUS.map(([sql, expected, why]) => ({ sql, expected, why })))('$sql', async ({ sql, expected }) => {
    expect(describeAnalysis(await analyzer.analyze(sql))).toBe(expected)
  })
})

test('no two cases are the same', () => {
  expect(new Set(CORPUS.map(([sql]) => sql)).size).toBe(CORPUS.length)
  expect(CORPUS.length).toBeGreaterThanOrEqual(250)
})
