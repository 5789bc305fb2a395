import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startTestServer } from '@twinlock/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { installCli } from '../scripts/bundle-cli.ts'

const run = promisify(execFile)
const SOURCE = fileURLToPath(new URL('../packages/cli/bin/twinlock.js', import.meta.url))

let home: string
let installed: string
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'twinlock-installed-'))
  installed = await installCli(join(home, 'package'))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

const outputOf = async (program: string, argv: readonly string[], env = {}) =>
  (await run(process.execPath, [program, ...argv], { cwd: home, env: { HOME: home, ...env } })).stdout

it.each([[['--help']], [['--version']], [['completion', 'fish']], [['token', 'revoke', '--help']]])(
  'the command line as it is installed says the same as from source: %j',
  async (argv) => {
    expect(await outputOf(installed, argv)).toBe(await outputOf(SOURCE, argv))
  },
)

it('the command line as it is installed talks to a server, and finds another server out', async () => {
  await using server = await startTestServer()
  const env = { TWINLOCK_SERVER: server.url, TWINLOCK_TOKEN: server.admin.token }
  expect(JSON.parse(await outputOf(installed, ['whoami', '--json'], env))).toMatchObject({ name: 'admin' })
  expect(await outputOf(installed, ['audit', 'verify'], env)).toContain('chain intact')
  await expect(outputOf(installed, ['whoami'], { ...env, TWINLOCK_TOKEN: 'twl_user_none' })).rejects.toThrow(
    'Not signed in',
  )
})
