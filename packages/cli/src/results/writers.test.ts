import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Sink } from '../io.ts'
import { createPalette } from '../terminal/safe-text.ts'
import { widthOf } from '../terminal/text-width.ts'
import { isNumeric } from './cell-text.ts'
import { distinctKeys } from './jsonl-writer.ts'
import type { Value } from './read-result.ts'
import { createResultWriter, type OutputFormat } from './result-writer.ts'

type Columns = readonly (readonly [name: string, type: string])[]

async function write(
  format: Exclude<OutputFormat, 'json'>,
  columns: Columns,
  rows: readonly Value[][],
  isTTY = false,
  width?: number,
) {
  let written = ''
  const stdout: Sink = {
    isTTY,
    columns: width,
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

  test('no value is dim in a terminal, and the texts that look like it are not, also without colours', async () => {
    const written = await write('table', [['a', 'text']], [[null], ['NULL'], ['"NULL"']], true)
    expect(written).toContain('\u001b[2mNULL\u001b[22m\n"NULL"\n""NULL""\n')
    expect(await write('vertical', [['a', 'text']], [[null], ['NULL']])).toContain(
      'a | NULL\n-[ row 2 ]-\na | "NULL"\n',
    )
  })

  test.each<[string, string, number]>([
    ['combining marks', 'e\u0301a\u0308', 2],
    ['a family', '👨‍👩‍👧', 2],
    ['a flag', '🇩🇪', 2],
    ['a keycap', '1️⃣', 2],
    ['full width', 'ＡＢ', 4],
    ['Hangul', '한글', 4],
    ['a heart as a picture', '❤️', 2],
    ['Thai', 'ที่', 1],
    ['a tab, which is shown', 'a\tb', 3],
  ])('%s take the cells that a terminal gives them', async (_, value, cells) => {
    const written = await write(
      'table',
      [
        ['a', 'text'],
        ['b', 'text'],
      ],
      [[value, 'x']],
    )
    expect(written.split('\n')[1]).toBe(`${'-'.repeat(cells)}-+--`)
  })

  describe('in a terminal', () => {
    const long = 'the quick brown fox jumps over the lazy dog'
    const columns: Columns = [
      ['id', 'integer'],
      ['note', 'text'],
      ['by', 'text'],
    ]

    test('that is wide enough nothing is folded', async () => {
      expect(await write('table', columns, [[1, long, 'bob']], false, 60)).toBe(
        `id | note${' '.repeat(39)} | by\n---+-${'-'.repeat(43)}-+----\n 1 | ${long} | bob\n`,
      )
    })

    test('the widest column is folded, numbers never, and what goes on is not taken for a row', async () => {
      expect(
        await write(
          'table',
          columns,
          [
            [1234567890123, long, 'bob'],
            [2, '日本語の長い文章です', 'eve'],
          ],
          false,
          40,
        ),
      ).toBe(
        [
          '           id | note               | by',
          '--------------+--------------------+----',
          '1234567890123 | the quick brown fo | bob',
          '              : x jumps over the l :',
          '              : azy dog            :',
          '            2 | 日本語の長い文章で | eve',
          '              : す                 :',
          '',
        ].join('\n'),
      )
    })

    test('times and identifiers stay whole where longer text can give way, and fold where it cannot', async () => {
      const four: Columns = [
        ['at', 'timestamp with time zone'],
        ['id', 'uuid'],
        ['note', 'text'],
      ]
      const rows = [['2026-11-23 00:07:17+00', 'b0a1c1d2-0000-4000-8000-000000000000', long]]
      const wide = await write('table', four, rows, false, 90)
      expect(wide.split('\n')[2]).toBe(
        '2026-11-23 00:07:17+00 | b0a1c1d2-0000-4000-8000-000000000000 | the quick brown fox jumps',
      )
      const narrow = await write('table', four, rows, false, 60)
      expect(narrow.split('\n')[2]).toBe('2026-11-23 00:07:1 | b0a1c1d2-0000-4000 | the quick brown fo')
    })

    test('every line fits, whatever the widths and values are', () => {
      return fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 30, max: 120 }),
          fc.array(
            fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary', maxLength: 90 }), fc.string()),
            {
              maxLength: 5,
            },
          ),
          async (width, rows) => {
            const three: Columns = [
              ['a', 'text'],
              ['b', 'text'],
              ['c', 'text'],
            ]
            const written = await write('table', three, rows, false, width)
            for (const line of written.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(width)
          },
        ),
      )
    })

    test('columns that do not fit become lines', async () => {
      const many: Columns = Array.from({ length: 6 }, (_, i) => [`column ${i}`, 'text'])
      const written = await write('table', many, [many.map(() => long)], false, 50)
      expect(written.split('\n').slice(0, 4)).toEqual([
        '-[ row 1 ]-',
        'column 0 | the quick brown fox jumps over the lazy',
        '         :  dog',
        'column 1 | the quick brown fox jumps over the lazy',
      ])
    })

    test('so do numbers that do not fit', async () => {
      const many: Columns = Array.from({ length: 4 }, (_, i) => [`n${i}`, 'numeric'])
      const written = await write('table', many, [many.map(() => '123456789012345')], false, 40)
      expect(written).toContain('n0 | 123456789012345\nn1 |')
    })

    test('a value can neither look like a row of its own nor move the cursor', async () => {
      const evil = `x\n-[ row 2 ]-\u001b[1A\r${'y'.repeat(60)}-[ row 3 ]-`
      const written = await write('vertical', [['a', 'text']], [[evil]], false, 40)
      expect(written.match(/^-\[ row/gm)).toHaveLength(1)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(written).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
    })
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
