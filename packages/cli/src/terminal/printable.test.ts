import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printable, printableLines, printableSql } from './printable.ts'

test.each([
  ['plain text', 'plain text'],
  ['ünï 日本 👍🏽 👨‍👩‍👧', 'ünï 日本 👍🏽 👨‍👩‍👧'],
  ['\u001b[31mred', '<U+001B>[31mred'],
  ['\u009b2J', '<U+009B>2J'],
  ['a\rb\nc\td\u0000', 'a<U+000D>b<U+000A>c<U+0009>d<U+0000>'],
  ['\u202eevil\u2066', '<U+202E>evil<U+2066>'],
  ['a\u2028b\u200bc\ufeff\u00ad', 'a<U+2028>b<U+200B>c<U+FEFF><U+00AD>'],
  ['\ud800x', '<U+D800>x'],
  ['\u{e0041}', '<U+E0041>'],
  ['<U+001B>', '<U+003C>U+001B>'],
  ['a < U+1', 'a < U+1'],
])('%j is printed as %j', (text, expected) => {
  expect(printable(text)).toBe(expected)
})

test('nothing that acts on a terminal is left, and no two texts look the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      expect(printable(a)).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u)
      if (a !== b) expect(printable(a)).not.toBe(printable(b))
    }),
  )
})

test('lines stay lines', () => {
  expect(printableLines('a\r\nb\u001bc\n\td')).toEqual(['a', 'b<U+001B>c', '\td'])
})

describe('SQL to decide on', () => {
  test.each([
    ['select 1\u00a0', ['select 1<U+00A0>']],
    ['a\u3164b\ufe0f\u200d', ['a<U+3164>b<U+FE0F><U+200D>']],
    ['\ue000', ['<U+E000>']],
    ['\n\nselect 1;\n\n', ['select 1;']],
    ['a\n\tb', ['a', '\tb']],
    ['a\rb', ['a<U+000D>b']],
    ['a\r\nb\nc', ['a<U+000D>', 'b', 'c']],
    ["select '日本'", ["select '日本'"]],
  ])('%j is shown as %j', (sql, lines) => {
    expect(printableSql(sql)).toEqual({ ok: true, lines, crlf: false })
  })

  test('line ends of Windows are said once', () => {
    expect(printableSql('a\r\nb\r\n')).toEqual({ ok: true, lines: ['a', 'b'], crlf: true })
  })

  test('broken Unicode is not shown at all', () => {
    expect(printableSql("'\udc00'").ok).toBe(false)
  })
})
