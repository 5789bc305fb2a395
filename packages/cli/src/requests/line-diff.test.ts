import fc from 'fast-check'
import { expect, test } from 'vitest'
import { diffLines, shortened } from './line-diff.ts'

const show = (before: string, after: string, around = 9) =>
  shortened(diffLines([...before], [...after]), around)
    .map((change) => (change ? change.mark + change.line : '…'))
    .join(' ')

test.each([
  ['abc', 'abc', '…'],
  ['abc', 'axc', ' a -b +x  c'],
  ['abc', 'ac', ' a -b  c'],
  ['', 'a', '+a'],
  ['abcd', 'bcde', '-a  b  c  d +e'],
])('%s to %s', (before, after, expected) => {
  expect(show(before, after)).toBe(expected)
})

test('only lines near a change are shown', () => {
  expect(show('abcdefgh', 'abcdXfgh', 1)).toBe('…  d -e +X  f …')
})

test('what stays and went is the old text, what stays and came the new one', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 })
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const changes = diffLines(before, after)
      expect(changes.flatMap(({ mark, line }) => (mark === '+' ? [] : [line]))).toEqual(before)
      expect(changes.flatMap(({ mark, line }) => (mark === '-' ? [] : [line]))).toEqual(after)
    }),
  )
})
