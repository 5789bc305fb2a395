import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from './duration.ts'

describe('parseDuration', () => {
  it.each([
    ['0s', 0],
    ['1ms', 1],
    ['90s', 90_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['1h30m', 5_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['500ms1s', 1500],
    ['1s1s', 2000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    '',
    '5',
    's',
    '-5s',
    '+5s',
    '1.5h',
    '5 s',
    ' 5s',
    '5s ',
    '5s\n',
    '5S',
    '5w',
    '1h30',
    '٣s',
    '1e3s',
    '9999999999s',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  it('one that milliseconds cannot count exactly is none', () => {
    expect(parseDuration('99999999d')).toBe(8_639_999_913_600_000)
    expect(parseDuration('999999999d')).toBeUndefined()
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [41.4, '41 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [1499, '1 s'],
    [59_499, '59 s'],
    [59_500, '1 min'],
    [185_000, '3 min 5 s'],
    [3_600_000, '1 h'],
    [3_605_000, '1 h'],
    [7_260_000, '2 h 1 min'],
    [356_400_000, '4 d 3 h'],
    [86_400_000, '1 d'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it('has one or two parts, the second smaller than one of the first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (ms) => {
        expect(formatDuration(ms)).toMatch(/^\d+ (ms|s|min( \d+ s)?|h( \d+ min)?|d( \d+ h)?)$/)
      }),
    )
  })
})
