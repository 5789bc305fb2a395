import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fitLine } from './fit-line.ts'
import { createPalette, text } from './safe-text.ts'
import { cutToWidth, foldToWidth, splitAtWidth, widthOf } from './text-width.ts'

const line = {
  what: text`waiting for 日本 and bob`,
  figure: text`12 s`,
  hints: [text`Ctrl-C asks: leave it`, text`Ctrl-C asks`],
}

test.each([
  [80, 'waiting for 日本 and bob   12 s   Ctrl-C asks: leave it'],
  [50, 'waiting for 日本 and bob   12 s   Ctrl-C asks'],
  [32, 'waiting for 日本 and bob   12 s'],
  [24, 'waiting for 日本…   12 s'],
  [23, 'waiting for 日…   12 s'],
  [12, '12 s'],
  [3, '12…'],
])('in %i cells: %s', (room, expected) => {
  expect(fitLine(line, room)).toBe(expected)
})

// A character may be a few cells wide; no column is folded to less than twelve.
test('no line is wider than its room, and nothing is cut in the middle of a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 12, max: 40 }), (content, room) => {
      expect(widthOf(cutToWidth(content, room))).toBeLessThanOrEqual(room)
      const folded = foldToWidth(content, room)
      expect(folded.join('')).toBe(content)
      for (const part of folded) expect(widthOf(part)).toBeLessThanOrEqual(room)
    }),
  )
})

test('styles take no room, and end where they are cut', () => {
  const { safe } = text`${createPalette(true).bold('abcdef')} rest`
  expect(splitAtWidth(safe, 3)).toEqual(['\u001b[1mabc', 'def\u001b[22m rest'])
  expect(cutToWidth(safe, 4)).toBe('\u001b[1mabc…\u001b[22m')
})
