import { describe, expect, it } from 'vitest'
import { parseSize } from './size.ts'

describe('parseSize', () => {
  it.each([
    ['0B', 0],
    ['1B', 1],
    ['64KiB', 65_536],
    ['100MiB', 104_857_600],
    ['10GiB', 10_737_418_240],
    ['1TiB', 1_099_511_627_776],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  it.each([
    '',
    '5',
    'MiB',
    '-1MiB',
    '+1MiB',
    '1.5MiB',
    '1 MiB',
    ' 1MiB',
    '1MiB ',
    '1MB',
    '1mib',
    '1M',
    '1KiB1B',
    '1e3B',
  ])('%j is no size', (text) => {
    expect(parseSize(text)).toBeUndefined()
  })

  it('a size beyond what a number holds exactly is none', () => {
    expect(parseSize('8191TiB')).toBe(8191 * 1024 ** 4)
    expect(parseSize('8192TiB')).toBeUndefined()
    expect(parseSize('999999999999999TiB')).toBeUndefined()
  })
})
