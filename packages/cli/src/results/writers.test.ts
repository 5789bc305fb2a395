import { describe, expect, test } from 'vitest'
import type { Sink } from '../io.ts'
import { createPalette } from '../terminal/safe-text.ts'
import { isNumeric } from './cell-text.ts'
import { distinctKeys } from './jsonl-writer.ts'
import type { Value } from './read-result.ts'
import { createResultWriter, type OutputFormat } from './result-writer.ts'

type Columns = readonly (readonly [name: string, type: string])[]

async function write(format: Exclude<OutputFormat, 'json'>, columns: Columns, rows: readonly Value[][], isTTY = false) {
  let written = ''
  const stdout: Sink = {
    isTTY,
    columns: undefined,
    rows: undefined,
    onResize: () => ({ [Symbol.dispose]: () => {} }),
    write: async (text) => {
      written += text
    },
  }
  const writer = await createResultWriter(format, stdout, createPalette(isTTY))
  await writer.header(
    columns.map(([name, type]) => ({ name, type })),
    1,
  )
  for (const row of rows) await writer.rows([row])
  await writer.end()
  return written
}

describe('table', () => {
  test.each<[string, Columns, Value[][], string]>([
    [
      'wide characters and emoji take two cells',
      [
        ['name', 'text'],
        ['n', 'integer'],
      ],
      [
        ['日本', 1],
        ['👍🏽', 20],
        ['ascii', 300],
      ],
      'name  |   n\n------+----\n日本  |   1\n👍🏽    |  20\nascii | 300\n',
    ],
    [
      'NULL is not the empty string',
      [
        ['a', 'text'],
        ['b', 'text'],
      ],
      [
        [null, ''],
        ['', 'x'],
      ],
      'a    | b\n-----+--\nNULL |\n     | x\n',
    ],
    [
      'lines are folded, tabs are shown, the rest is escaped',
      [['a', 'text']],
      [['1\n2\r\n3\t4\u001b']],
      'a\n---------------\n1↵2↵3⇥4<U+001B>\n',
    ],
    ['no rows still have columns', [['a', 'text']], [], 'a\n-\n'],
    ['a statement without columns prints nothing', [], [], ''],
    [
      'columns may share a name',
      [
        ['a', 'text'],
        ['a', 'text'],
      ],
      [['1', '2']],
      'a | a\n--+--\n1 | 2\n',
    ],
  ])('%s', async (_, columns, rows, expected) => {
    expect(await write('table', columns, rows)).toBe(expected)
  })

  test('in a terminal NULL is dim, so that the text NULL is another', async () => {
    const written = await write('table', [['a', 'text']], [[null], ['NULL']], true)
    expect(written).toContain('\u001b[2mNULL\u001b[22m\nNULL\n')
  })

  test('beyond the first thousand rows it streams, with the widths it has', async () => {
    const rows: Value[][] = Array.from({ length: 1001 }, () => ['x', 'y'])
    rows.push(['wider than that', 'y'])
    const written = await write(
      'table',
      [
        ['a', 'text'],
        ['b', 'text'],
      ],
      rows,
    )
    expect(written.split('\n').slice(-3)).toEqual(['x | y', 'wider than that | y', ''])
  })
})

describe('csv', () => {
  test('quotes what RFC 4180 wants quoted; NULL is nothing', async () => {
    const written = await write(
      'csv',
      [
        ['a', 'text'],
        ['b,c', 'text'],
      ],
      [
        ['say "hi"', null],
        ['two\nlines', ''],
        ['1,5', true],
      ],
    )
    expect(written).toBe('a,"b,c"\r\n"say ""hi""",\r\n"two\nlines",""\r\n"1,5",true\r\n')
  })

  test('is exact in a pipe, and harmless in a terminal', async () => {
    expect(await write('csv', [['a', 'text']], [['\u001b[2J']])).toBe('a\r\n\u001b[2J\r\n')
    expect(await write('csv', [['a', 'text']], [['\u001b[2J']], true)).toBe('a\r\n<U+001B>[2J\r\n')
  })
})

describe('jsonl', () => {
  test('keeps order, digits and columns of the same name', async () => {
    const columns: Columns = [
      ['2', 'bigint'],
      ['1', 'numeric'],
      ['id', 'text'],
      ['id', 'text'],
      ['__proto__', 'text'],
    ]
    const written = await write('jsonl', columns, [['9007199254740993', '1.10', 'a', 'b', null]])
    expect(written).toBe('{"2":"9007199254740993","1":"1.10","id":"a","id_2":"b","__proto__":null}\n')
  })

  test('a made-up key never takes a real name', () => {
    expect(distinctKeys(['id', 'id', 'id_2', 'id'])).toEqual(['id', 'id_3', 'id_2', 'id_4'])
  })
})

test('vertical keeps the lines of a value', async () => {
  const written = await write(
    'vertical',
    [
      ['id', 'integer'],
      ['body', 'text'],
    ],
    [[1, 'a\nb\u001b']],
  )
  expect(written).toBe('-[ row 1 ]-\nid   | 1\nbody | a\n     | b<U+001B>\n')
})

test.each([
  ['integer', true],
  ['bigint', true],
  ['numeric(38,10)', true],
  ['double precision', true],
  ['int unsigned', true],
  ['interval', false],
  ['integer[]', false],
  ['int4range', false],
  ['text', false],
  ['point', false],
])('%s counts as a number: %s', (type, expected) => {
  expect(isNumeric(type)).toBe(expected)
})
