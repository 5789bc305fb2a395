import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { api } from '@twinlock/contract'
import { submit, testUser } from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../bin/twinlock-server.js', import.meta.url))

let directory: string
let stateDir: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'twinlock-main-'))
  stateDir = join(directory, 'state')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The binary as users run it, in a shell that protects nothing by its umask. */
function run(args: readonly string[], env: Record<string, string> = {}) {
  const command = 'umask 0; exec "$@"'
  const child = spawn('/bin/sh', ['-c', command, 'sh', process.execPath, BIN, ...args], {
    cwd: directory,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  let stderr = ''
  const urls = Promise.withResolvers<string>()
  urls.promise.catch(() => {})
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (line.includes('"listening"')) urls.resolve(String(JSON.parse(line).url))
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const ended: Promise<Ended> = once(child, 'close').then(() => {
    urls.reject(new Error(`the process ended before it listened:\n${stderr}`))
    return { code: child.exitCode, stdout: lines.join('\n'), stderr }
  })
  return {
    ended,
    /** Resolves with the URL once it listens. */
    listening: urls.promise,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function writeConfig(rest = '', listen = '127.0.0.1:0'): string {
  const file = join(directory, 'twinlock-server.toml')
  writeFileSync(file, `state_dir = ${JSON.stringify(stateDir)}\nlisten = "${listen}"\n${rest}`)
  return file
}

const WORKFLOWS = `
[[databases]]
name = "app"
environments = ["production"]
dialect = "postgresql"
[[workflows]]
database = "app"
environment = "production"
[[workflows.steps]]
approvers = [{ role = "approver" }]
`

const admin = (url: string) => testUser(url, 'admin', readFileSync(join(stateDir, 'admin-token'), 'utf8').trim())

describe('twinlock-server', () => {
  it('prints its help and its version on stdout', async () => {
    expect(await run(['--help']).ended).toEqual({
      code: 0,
      stdout: expect.stringContaining('--config FILE'),
      stderr: '',
    })
    const version = { code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+$/), stderr: '' }
    expect(await run(['--version']).ended).toEqual(version)
  })

  it.each<[string, string[], RegExp]>([
    ['an unknown option', ['--nope'], /Unknown option '--nope'[\s\S]*twinlock-server --help/],
    ['an option without its value', ['--config'], /--config[\s\S]*twinlock-server --help/],
    ['an unknown command', ['stop'], /there is no command stop[\s\S]*twinlock-server --help/],
    ['a superfluous word', ['start', 'now'], /Unexpected argument 'now'[\s\S]*twinlock-server --help/],
    ['a configuration that is not there', ['--config', 'none.toml'], /none\.toml[\s\S]*twinlock init/],
    ['a configuration that is a directory', ['--config', '.'], /configuration \.[\s\S]*/],
    ['no configuration', [], /no configuration[\s\S]*twinlock-server\.toml[\s\S]*twinlock init/],
  ])('ends for %s with 2, a reason and no stack', async (_, args, message) => {
    const ended = await run(args).ended
    expect(ended).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(message) })
    expect(ended.stderr).not.toMatch(/^\s+at /m)
    expect(readdirSync(directory)).toEqual([])
  })

  it('names everything that is wrong in its configuration, and no secret', async () => {
    const file = writeConfig('colour = "red"\nlog_level = "loud"\nsigning_key = ["hunter2"]\n', 'nowhere')
    const { code, stdout, stderr } = await run(['--config', file]).ended
    expect([code, stdout]).toEqual([2, ''])
    const [first, ...rest] = stderr.trim().split('\n')
    expect(first).toBe(`${file} has 4 problems:`)
    expect(rest.map((line) => line.trim().split(':')[0]).sort()).toEqual([
      'colour',
      'listen',
      'log_level',
      'signing_key',
    ])
    expect(stderr).not.toContain('hunter2')
    expect(readdirSync(directory)).toEqual(['twinlock-server.toml'])
  })

  it('takes the configuration of the folder it is started in, and the environment over it', async () => {
    writeConfig('', 'nowhere')
    await using server = run([], { TWINLOCK_LISTEN: '127.0.0.1:0', TWINLOCK_LOG_LEVEL: 'info' })
    expect((await fetch(`${await server.listening}/health`)).status).toBe(200)
  })

  it('says so when its port is in use', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const address = holder.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const ended = await run(['--config', writeConfig('', `127.0.0.1:${port}`)]).ended
    holder.close()
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(`127.0.0.1:${port} is in use`)
    expect(ended.stderr).not.toMatch(/^\s+at /m)
  })

  it.each<[string, () => void, RegExp]>([
    ['a state_dir that is a file', () => writeFileSync(stateDir, ''), /could not start/],
    [
      'a damaged database',
      () => {
        mkdirSync(stateDir, { mode: 0o700 })
        writeFileSync(join(stateDir, 'twinlock.db'), 'x'.repeat(4096), { mode: 0o600 })
      },
      /twinlock\.db is damaged[\s\S]*backup/,
    ],
    [
      'a key that others can read',
      () => {
        mkdirSync(stateDir, { mode: 0o700 })
        writeFileSync(join(stateDir, 'signing-key.pem'), 'hunter2', { mode: 0o644 })
      },
      /run: chmod 600 .*signing-key\.pem/,
    ],
  ])('does not start on %s, and says why', async (_, spoil, message) => {
    spoil()
    const ended = await run(['--config', writeConfig()]).ended
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(message) })
    expect(ended.stderr).not.toMatch(/^\s+at |hunter2/m)
  })

  it('writes nothing that others could read, and names the token files without the tokens', async () => {
    await using server = run(['--config', writeConfig(WORKFLOWS)])
    const { client, token } = admin(await server.listening)
    await submit(client, 'select 1', 'app/production')
    expect(statSync(stateDir).mode & 0o777).toBe(0o700)
    for (const entry of readdirSync(stateDir, { withFileTypes: true })) {
      const mode = statSync(join(stateDir, entry.name)).mode & 0o777
      expect([entry.name, mode]).toEqual([entry.name, entry.isDirectory() ? 0o700 : 0o600])
    }
    server.kill('SIGTERM')
    const { stdout, stderr } = await server.ended
    expect(stderr).toBe(
      `first start: wrote ${join(stateDir, 'admin-token')}\nfirst start: wrote ${join(stateDir, 'agent-token')}\n`,
    )
    expect(stdout).not.toContain(token.split('_')[2])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends on %s with 0, answers who waits, and leaves its state to the next',
    async (signal) => {
      const args = ['--config', writeConfig(WORKFLOWS)]
      await using first = run(args)
      const { client } = admin(await first.listening)
      const { id } = await submit(client, 'select 1', 'app/production')
      // Calls that are held open must not hold the end up.
      const waiting = Promise.allSettled(
        [1, 2, 3].map(() => client.call(api.requests.get, { params: { id }, query: { wait: 30 } })),
      )
      await client.call(api.identity.me, {})
      first.kill(signal)
      const ended = await first.ended
      expect(ended.code).toBe(0)
      expect(ended.stdout.split('\n').map((line) => JSON.parse(line).msg)).toContain('stopping')
      expect((await waiting).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
      expect(readdirSync(stateDir)).not.toContain('twinlock.db-wal')
      await using second = run(args)
      const again = admin(await second.listening)
      expect(await again.client.call(api.requests.get, { params: { id } })).toMatchObject({ id, status: 'pending' })
      second.kill('SIGTERM')
      expect(await second.ended).toMatchObject({ code: 0, stderr: '' })
    },
  )

  it('goes on after it was killed', async () => {
    const args = ['--config', writeConfig(WORKFLOWS)]
    await using first = run(args)
    const { client } = admin(await first.listening)
    const { id } = await submit(client, 'select 1', 'app/production')
    first.kill('SIGKILL')
    await first.ended
    await using second = run(args)
    const again = admin(await second.listening)
    expect(await again.client.call(api.requests.get, { params: { id } })).toMatchObject({ id, status: 'pending' })
  })
})
