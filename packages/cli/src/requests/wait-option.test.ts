import { expect, test } from 'vitest'
import { attachOptionalValues } from '../run-cli.ts'
import { nextPoll, readWaitOption } from './wait-option.ts'

const NOW = 1_000_000

test.each([
  ['nothing, in a terminal', undefined, true, { wait: true, until: undefined }],
  ['nothing, without one', undefined, false, { wait: false }],
  ['--no-wait', false, true, { wait: false }],
  ['--wait', '', false, { wait: true, until: undefined }],
  ['--wait=90s', '90s', false, { wait: true, until: NOW + 90_000 }],
  ['--wait=1h30m', '1h30m', false, { wait: true, until: NOW + 5_400_000 }],
  ['--wait=0s', '0s', true, { wait: true, until: NOW }],
] as const)('%s', (_, option, byDefault, expected) => {
  expect(readWaitOption(option, byDefault, NOW)).toEqual(expected)
})

test.each(['soon', '5', '1.5h', '-1s', '5 m'])('--wait=%s is not a duration', (option) => {
  expect(() => readWaitOption(option, true, NOW)).toThrow(`--wait=${option} is not a duration`)
})

test('a poll is no longer than what is left, and there is none after the end', () => {
  expect(nextPoll({ wait: false }, NOW)).toBeUndefined()
  expect(nextPoll({ wait: true, until: undefined }, NOW)).toBe(25)
  expect(nextPoll({ wait: true, until: NOW + 90_000 }, NOW)).toBe(25)
  expect(nextPoll({ wait: true, until: NOW + 1500 }, NOW)).toBe(2)
  expect(nextPoll({ wait: true, until: NOW }, NOW)).toBeUndefined()
})

test('--wait never takes the SQL after it for its value', () => {
  expect(attachOptionalValues(['execute', '--wait', 'select 1'])).toEqual(['execute', '--wait=', 'select 1'])
  expect(attachOptionalValues(['--wait=5m', '--', '--wait'])).toEqual(['--wait=5m', '--', '--wait'])
})
