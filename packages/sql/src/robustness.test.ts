import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { MAX_PARSED_BYTES, MAX_TEXT_BYTES } from './check-text.ts'
import { createAnalyzer } from './create-analyzer.ts'

/** Keeps a hang from becoming a stuck test run; nothing is asserted about speed. */
const HANG_GUARD_MS = 60_000

const HOSTILE: readonly [what: string, sql: string][] = [
  ['10,000 parentheses', `SELECT ${'('.repeat(10_000)}1${')'.repeat(10_000)}`],
  ['60,000 parentheses', `SELECT ${'('.repeat(60_000)}1${')'.repeat(60_000)}`],
  ['10,000 parentheses that do not close', `SELECT ${'('.repeat(10_000)}`],
  ['10,000 parentheses that were never opened', `SELECT 1${')'.repeat(10_000)}`],
  ['20 KB of 1+1', `SELECT ${'1+'.repeat(10_000)}1`],
  ['128 KB of 1+1', `SELECT ${'1+'.repeat(65_000)}1`],
  ['a read of 1+1 in front of a write', `SELECT ${'1+'.repeat(10_000)}1; DELETE FROM t`],
  ['AND', `SELECT ${'true AND '.repeat(14_000)}true`],
  ['NOT', `SELECT ${'NOT '.repeat(30_000)}true`],
  ['minus signs', `SELECT ${'- '.repeat(60_000)}1`],
  ['casts', `SELECT 1${'::int'.repeat(25_000)}`],
  ['subscripts', `SELECT a${'[1]'.repeat(40_000)}`],
  ['arrays in arrays', `SELECT ${'ARRAY['.repeat(15_000)}1${']'.repeat(15_000)}`],
  ['10,000 nested CASE', `SELECT ${'CASE WHEN a THEN '.repeat(5_000)}1${' END'.repeat(5_000)}`],
  ['nested CASE that does not end', `SELECT ${'CASE WHEN '.repeat(10_000)}`],
  ['nested functions', `SELECT ${'f('.repeat(40_000)}1${')'.repeat(40_000)}`],
  ['nested subqueries', `${'SELECT * FROM ('.repeat(5_000)}SELECT 1${') x'.repeat(5_000)}`],
  ['nested CTEs', `${'WITH x AS ('.repeat(5_000)}DELETE FROM t${') SELECT 1'.repeat(5_000)}`],
  ['unions', `SELECT 1${' UNION SELECT 1'.repeat(8_000)}`],
  ['joins', `SELECT 1 FROM a${' JOIN b ON true'.repeat(8_000)}`],
  ['a huge IN list', `SELECT 1 WHERE 1 IN (${'1,'.repeat(60_000)}1)`],
  ['14,000 different functions', `SELECT ${Array.from({ length: 12_000 }, (_, n) => `f${n}()`).join()}`],
  ['14,000 statements', 'SELECT 1;'.repeat(14_000)],
  ['a body executed 3,000 times', `PREPARE p AS SELECT ${'1,'.repeat(20_000)}1;${'EXECUTE p;'.repeat(3_000)}`],
  ['an open quote', `SELECT '${'a'.repeat(100_000)}`],
  ['an open dollar quote', `SELECT $a$${'$'.repeat(100_000)}`],
  ['60,000 open comments', '/*'.repeat(60_000)],
  ['a NUL byte', 'SELECT 1\0; DELETE FROM t'],
  ['a lone surrogate', "SELECT '\ud83d'"],
  ['emoji', `SELECT ${"'😀'||".repeat(12_000)}'x'`],
  ['a text that is not parsed', `SELECT '${'é'.repeat(MAX_PARSED_BYTES)}'`],
  ['a text that is not read', `SELECT '${'a'.repeat(MAX_TEXT_BYTES)}'`],
]

test(
  'hostile statements in a row are answered, and leave the analyzer as correct as new',
  async () => {
    await using analyzer = createAnalyzer({ dialect: 'postgresql' })
    const write = await analyzer.analyze('WITH x AS (DELETE FROM t RETURNING 1) SELECT f() FROM x')
    const read = await analyzer.analyze('SELECT lower(a) FROM t; -- 日本')
    for (const [what, sql] of HOSTILE) {
      const analysis = await analyzer.analyze(sql)
      if (analysis.ok) expect(analysis.statements.map((statement) => statement.sql).join(''), what).toBe(sql)
      expect(await analyzer.analyze('WITH x AS (DELETE FROM t RETURNING 1) SELECT f() FROM x'), what).toEqual(write)
      expect(await analyzer.analyze('SELECT lower(a) FROM t; -- 日本'), what).toEqual(read)
    }
  },
  HANG_GUARD_MS,
)

test('hostile statements are never taken for less than they are', { timeout: HANG_GUARD_MS }, async () => {
  await using analyzer = createAnalyzer({ dialect: 'postgresql' })
  for (const [what, sql] of HOSTILE.filter(([, text]) => /DELETE|f\d*\(/.test(text))) {
    const analysis = await analyzer.analyze(sql)
    if (analysis.ok) expect(analysis.operations, what).not.toEqual(['select'])
  }
})

test('fifty analyses at once are each answered for their own text', { timeout: HANG_GUARD_MS }, async () => {
  await using analyzer = createAnalyzer({ dialect: 'postgresql', workers: 2 })
  const texts = Array.from({ length: 50 }, (_, n) =>
    n % 10 === 9 ? '/*'.repeat(60_000) : n % 2 === 0 ? `SELECT ${n}` : `DELETE FROM t${n}`,
  )
  const answers = await Promise.all(texts.map((text) => analyzer.analyze(text)))
  for (const [n, answer] of answers.entries()) {
    if (!answer.ok) throw new Error(answer.code)
    expect(answer.statements[0]?.sql).toBe(texts[n])
    expect(answer.operations).toEqual([n % 10 === 9 ? 'unparsed' : n % 2 === 0 ? 'select' : 'dml'])
  }
})

test('a parse that takes too long is unparsed, and the next text has a fresh worker', async () => {
  await using analyzer = createAnalyzer({ dialect: 'postgresql', timeoutMs: 100 })
  const slow = await analyzer.analyze('/*'.repeat(60_000))
  expect(slow.ok && slow.statements[0]?.reasons[0]?.code).toBe('parser_timeout')
  const next = await analyzer.analyze('SELECT 1')
  expect(next.ok && next.operations).toEqual(['select'])
})

test('texts over the caps are unparsed, then refused', async () => {
  await using analyzer = createAnalyzer({ dialect: 'postgresql' })
  const text = (bytes: number) => `SELECT '${'a'.repeat(bytes - 9)}'`
  const codeOf = async (sql: string) => {
    const analysis = await analyzer.analyze(sql)
    return analysis.ok ? (analysis.statements[0]?.reasons[0]?.code ?? analysis.operations.join()) : analysis.code
  }
  expect(await codeOf(text(MAX_PARSED_BYTES))).toBe('select')
  expect(await codeOf(text(MAX_PARSED_BYTES + 1))).toBe('too_large_to_parse')
  expect(await codeOf(text(MAX_TEXT_BYTES))).toBe('too_large_to_parse')
  expect(await codeOf(text(MAX_TEXT_BYTES + 1))).toBe('sql_too_large')
})

test('a dialect that is not built is refused', () => {
  expect(() => createAnalyzer({ dialect: 'mysql' })).toThrow('mysql')
  expect(() => createAnalyzer({ dialect: 'mariadb' })).toThrow('mariadb')
})

test('a closed analyzer answers nobody, also those who wait', async () => {
  const analyzer = createAnalyzer({ dialect: 'postgresql' })
  const waiting = [analyzer.analyze('SELECT 1'), analyzer.analyze('SELECT 2')]
  const settled = Promise.allSettled(waiting)
  await analyzer[Symbol.asyncDispose]()
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(analyzer.analyze('SELECT 3')).rejects.toThrow('closed')
})

test('an analyzer that was never closed does not keep the process alive', { timeout: HANG_GUARD_MS }, async () => {
  const script = `
    import { createAnalyzer } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    const answer = await createAnalyzer({ dialect: 'postgresql' }).analyze('SELECT 1')
    console.log(answer.operations.join())`
  const args = ['--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: HANG_GUARD_MS / 2 })
  expect(stdout.trim()).toBe('select')
})

test('the classifier names the parser that is installed', async () => {
  await using analyzer = createAnalyzer({ dialect: 'postgresql' })
  const analysis = await analyzer.analyze('SELECT 1')
  const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  const version = manifest.dependencies['libpg-query']
  expect(analysis.ok && analysis.classifier).toMatch(new RegExp(`^twinlock-sql/\\d+ libpg-query/${version}$`))
})
