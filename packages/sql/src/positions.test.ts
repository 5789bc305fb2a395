import { afterAll, expect, test } from 'vitest'
import { createAnalyzer } from './create-analyzer.ts'

const analyzer = createAnalyzer({ dialect: 'postgresql', timeoutMs: 10_000 })
afterAll(() => analyzer[Symbol.asyncDispose]())

async function pointedAt(sql: string): Promise<string[]> {
  const analysis = await analyzer.analyze(sql)
  const positions = analysis.ok
    ? analysis.statements.flatMap(({ reasons }) => reasons.map(({ position }) => position))
    : [analysis.position]
  return positions.map((position) => sql.slice(position).split(/[^\w$]/)[0] ?? '')
}

test('a reason points at the call, in UTF-16, behind text of any width', async () => {
  expect(await pointedAt("SELECT 'é日😀', first_one() /* 😀 */, nextval('s')")).toEqual(['first_one', 'nextval'])
})

test('a reason of a later statement points into the whole text', async () => {
  expect(await pointedAt("SELECT '😀';\r\n SELECT f(); COMMIT")).toEqual(['f', 'COMMIT'])
})

test('a refusal of a parameter points at the first one', async () => {
  expect(await pointedAt("SELECT '😀', $2 + $1")).toEqual(['$2'])
})

test('a syntax error points at its place, counted in characters by the parser', async () => {
  expect(await pointedAt("SELECT '😀é' FROM WHERE")).toEqual(['WHERE'])
})

test('no reason repeats a literal of the statement', async () => {
  for (const sql of [
    "SELECT 'secret' 'secret2'",
    "SELECT 1 'secret",
    "SET a.b = 'secret'",
    "SELECT f('secret') secret 1",
  ]) {
    expect(
      JSON.stringify(await analyzer.analyze(sql).then((a) => a.ok && a.statements.map((s) => s.reasons))),
    ).not.toContain('secret')
  }
})
