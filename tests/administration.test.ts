import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startTestServer, type TestServer } from '@twinlock/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'

const run = promisify(execFile)
const CLI = fileURLToPath(new URL('../packages/cli/bin/twinlock.js', import.meta.url))

let server: TestServer
let home: string
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'twinlock-administration-'))
  server = await startTestServer()
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

/** The command line against a real server; by default as the administrator. */
async function twinlock(argv: readonly string[], token = server.admin.token) {
  const env = { HOME: home, TWINLOCK_SERVER: server.url, TWINLOCK_TOKEN: token }
  const ended = await run(process.execPath, [CLI, ...argv], { env, cwd: home }).catch((error: unknown) => error)
  const { code = 0, stdout, stderr } = ended as { code?: number; stdout: string; stderr: string }
  return { exit: code, stdout, stderr }
}

it('somebody comes, is changed, suspended, let back in and goes; the log has it all', async () => {
  expect((await twinlock(['user', 'create', 'alice', '--role', 'developer@app/development'])).exit).toBe(0)
  const token = (await twinlock(['token', 'create', 'alice', '--label', 'laptop'])).stdout.trim()
  expect((await twinlock(['whoami'], token)).stdout).toMatch(/^alice \(developer@app\/development\)\n/)
  expect((await twinlock(['user', 'update', 'alice', '--role', 'readonly'])).stderr).toBe('alice now has readonly\n')

  await twinlock(['user', 'suspend', 'alice', '--yes', '--reason', 'laptop lost'])
  expect((await twinlock(['whoami'], token)).exit).toBe(1)
  expect((await twinlock(['user', 'show', 'alice'])).stdout).toMatch(/suspended by admin .*: laptop lost/)
  await twinlock(['user', 'activate', 'alice'])
  expect((await twinlock(['whoami'], token)).exit).toBe(0)

  const tokens = JSON.parse((await twinlock(['token', 'list', '--user', 'alice', '--json'])).stdout)
  expect(tokens).toMatchObject([{ label: 'laptop', user: 'alice', revoked_at: null }])
  expect((await twinlock(['token', 'revoke', tokens[0].id, '--yes'])).stderr).toContain('of alice')
  expect((await twinlock(['whoami'], token)).exit).toBe(1)
  expect((await twinlock(['user', 'remove', 'alice', '--yes'])).exit).toBe(0)

  const log = await twinlock(['audit', 'list', '--type', 'user.', '--since', '1h', '--json'])
  expect(JSON.parse(log.stdout).map(({ type }: { type: string }) => type)).toEqual(
    expect.arrayContaining(['user.created', 'user.updated', 'user.suspended', 'user.activated', 'user.removed']),
  )
})

it('the last administrator cannot remove themselves by the command line either', async () => {
  const { exit, stderr } = await twinlock(['user', 'remove', 'admin', '--yes'])
  expect(exit).not.toBe(0)
  expect(stderr).toMatch(/administrator/)
  expect((await twinlock(['whoami'])).exit).toBe(0)
})

it('who may not, learns nothing: the same for a user that is there and one that is not', async () => {
  const bob = await server.createUser('bob', 'developer')
  const there = await twinlock(['user', 'show', 'admin'], bob.token)
  expect(await twinlock(['user', 'show', 'nobody'], bob.token)).toEqual(there)
  expect(there).toMatchObject({ exit: 3, stdout: '' })
  for (const argv of [
    ['user', 'list'],
    ['audit', 'list'],
    ['token', 'list', '--all'],
  ])
    expect((await twinlock([...argv, '--json'], bob.token)).exit).toBe(3)
  expect((await twinlock(['role', 'list', '-o', 'csv'], bob.token)).stdout).toContain('\nauditor,')
})

it('a target is paused and resumed, and the list says so', async () => {
  expect((await twinlock(['target', 'pause', 'app/production', '--reason', 'INC-207'])).exit).toBe(0)
  const listed = await twinlock(['databases'])
  expect(listed.stdout).toMatch(/app\/production +\| paused/)
  expect(listed.stderr).toContain('app/production is paused by admin: INC-207')
  expect((await twinlock(['target', 'resume', 'app/production'])).stderr).toBe('resumed app/production\n')
  expect((await twinlock(['databases', '-o', 'csv'])).stdout).toContain('app/production,no_agent,')
  expect(await twinlock(['agents', '--json'])).toMatchObject({ exit: 0, stdout: '[]\n' })
})

it('the doctor is content with a server that works, and finds a token that does not', async () => {
  expect((await twinlock(['doctor', '--json'], 'twl_user_none')).exit).toBe(1)
  const findings = JSON.parse((await twinlock(['doctor', '--json'])).stdout).findings as { area: string; ok: boolean }[]
  expect(findings.filter(({ ok, area }) => !ok && area !== 'targets')).toEqual([])
})
