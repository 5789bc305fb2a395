import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../src/commands/commands.ts'
import { createDesk, type Desk } from './run-twinlock.ts'

let desk: Desk
const scripts = new Map<string, string>()
beforeAll(async () => {
  desk = await createDesk()
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { exit, stdout } = await desk.run(['completion', shell])
    expect(exit).toBe(0)
    scripts.set(shell, stdout)
  }
})
afterAll(() => desk[Symbol.asyncDispose]())

const exists = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0

/** What bash offers at the end of a line, by the script itself. */
function inBash(line: string): string[] {
  const words = line.split(' ')
  const program = `${scripts.get('bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_twinlock; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', program], { cwd: desk.folder, encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout.split('\n').filter(Boolean)
}

describe('in bash', () => {
  test('the first word is a command or what groups commands', () => {
    const offered = inBash('twinlock ')
    for (const { path } of COMMANDS) expect(offered).toContain(path[0])
    expect(inBash('twinlock exe')).toEqual(['execute'])
  })

  test('every command can be completed word by word, and has all its options', () => {
    for (const { path, options } of COMMANDS) {
      const line = `twinlock ${path.join(' ')}`
      expect(inBash(line)).toContain(path.at(-1))
      const offered = inBash(`${line} -`)
      for (const { flags } of Object.values(options)) expect(offered).toContain(/--[a-z-]+/.exec(flags)?.[0])
    }
  })

  test('an option offers its values, also after an alias', () => {
    expect(inBash('twinlock request list --status p')).toEqual(['pending'])
    expect(inBash('twinlock request ls -s rej')).toEqual(['rejected'])
    expect(inBash('twinlock execute -o ')).toEqual(['table', 'json', 'jsonl', 'csv', 'vertical'])
    expect(inBash('twinlock completion z')).toEqual(['zsh'])
  })

  test('an option with a value of its own offers nothing, one with a path offers files', () => {
    expect(inBash('twinlock request list --limit ')).toEqual([])
    expect(inBash('twinlock audit verify --file .').length).toBeGreaterThan(0)
  })

  test('it is registered for both names of the program', () => {
    const program = `${scripts.get('bash')}\ncomplete -p twinlock twl`
    const { status } = spawnSync('bash', ['--norc', '-c', program])
    expect(status).toBe(0)
  })
})

describe.runIf(exists('zsh'))('in zsh', () => {
  test('the script is one that zsh reads', () => {
    const { status, stderr } = spawnSync('zsh', ['-n'], { input: scripts.get('zsh'), encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})

describe.runIf(exists('fish'))('in fish', () => {
  test.each([
    ['twinlock exe', 'execute'],
    ['twinlock request list --status p', 'pending'],
  ])('%s is completed', (line, expected) => {
    const program = `${scripts.get('fish')}\ncomplete -C '${line}'`
    const { stdout } = spawnSync('fish', ['-N', '-c', program], { encoding: 'utf8' })
    expect(stdout).toContain(expected)
  })
})

test('another shell is refused by name', async () => {
  const { exit, stderr } = await desk.run(['completion', 'tcsh'])
  expect(stderr).toContain('There is no completion for tcsh')
  expect(exit).toBe(2)
})
