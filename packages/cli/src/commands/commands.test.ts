import { expect, test } from 'vitest'
import { buildProgram } from '../build-program.ts'
import { nearest } from '../nearest.ts'
import { COMMANDS, NOUNS } from './commands.ts'

function help(argv: readonly string[]): string {
  let written = ''
  const take = (text: string) => {
    written += text
  }
  const program = buildProgram('1.2.3', { out: take, err: take }, async () => {})
  expect(() => program.parse([...argv, '--help'], { from: 'user' })).toThrow()
  return written
}

test.each(COMMANDS.map(({ path }) => [path.join(' ')]))('twinlock %s --help has an example of it', (name) => {
  expect(help(name.split(' '))).toMatch(new RegExp(`Examples?:\\n(.*\\n)*? *twinlock ${name}`))
})

test('every noun says what it groups, and paths are unique', () => {
  const nouns = new Set(COMMANDS.flatMap(({ path }) => (path.length === 2 ? [path[0]] : [])))
  expect(Object.keys(NOUNS).sort()).toEqual([...nouns].sort())
  expect(new Set(COMMANDS.map(({ path }) => path.join(' '))).size).toBe(COMMANDS.length)
})

test('a word that is near enough is suggested, another is not', () => {
  const words = new Map([
    ['approve', 'approve'],
    ['show', 'request show'],
    ['run', 'run'],
  ])
  expect(nearest('aprove', words)).toBe('approve')
  expect(nearest('shwo', words)).toBe('request show')
  expect(nearest('frobnicate', words)).toBeUndefined()
})
