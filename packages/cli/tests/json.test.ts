import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { startTestServer, type TestServer } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../src/commands/commands.ts'
import type { Command } from '../src/define-command.ts'
import type { Io, Sink } from '../src/io.ts'
import { runCli } from '../src/run-cli.ts'

let real: TestServer
/** Answers everything with the same, as a proxy that stands in the way would. */
let stranger: Server
let strangeAnswer: { status: number; type: string; body: string }
let folder: string
beforeAll(async () => {
  real = await startTestServer()
  folder = await mkdtemp(join(tmpdir(), 'twinlock-json-'))
  stranger = createServer((_, response) => {
    response.writeHead(strangeAnswer.status, { 'content-type': strangeAnswer.type }).end(strangeAnswer.body)
  })
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  await real?.[Symbol.asyncDispose]()
  stranger.closeAllConnections()
  stranger.close()
  await rm(folder, { recursive: true, force: true })
})

/** Runs it as in a pipe. */
async function run(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const written = { stdout: '', stderr: '' }
  const sink = (name: 'stdout' | 'stderr'): Sink => ({
    isTTY: false,
    columns: undefined,
    rows: undefined,
    onResize: () => ({ [Symbol.dispose]: () => {} }),
    write: async (text) => {
      written[name] += text
    },
  })
  const home = await mkdtemp(join(folder, 'home-'))
  const io: Io = {
    env,
    cwd: home,
    home,
    posix: true,
    stdin: Readable.from([]),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    promptOutput: process.stderr,
    interrupt: new AbortController().signal,
    onInterrupt: () => ({ [Symbol.dispose]: () => {} }),
    version: '0.0.0-test',
    nodeVersion: process.version,
  }
  return { exit: await runCli(io, argv), ...written }
}

/** A command line with something for each argument. */
function lineOf(command: Command): string[] {
  const given = command.args.map(({ name }) => (name === 'request' ? '1042' : name === 'sql' ? 'select 1' : 'x'))
  return [...command.path, ...given]
}

const named: [string, Command][] = COMMANDS.map((command) => [command.path.join(' '), command])

type Case = [name: string, argv: (command: Command) => string[], env: () => Record<string, string>]
const signedIn = (server: string, token = 'twl_user_secret') => ({ TWINLOCK_SERVER: server, TWINLOCK_TOKEN: token })
const strange = (status: number, type: string, body: string) => () => {
  strangeAnswer = { status, type, body }
  return signedIn(`http://127.0.0.1:${(stranger.address() as AddressInfo).port}`)
}

const CASES: Case[] = [
  ['an unknown option', (command) => [...command.path, '--no-such-option'], () => ({})],
  ['too many arguments', (command) => [...lineOf(command), 'x', 'x', 'x', 'x', 'x'], () => ({})],
  ['no arguments', (command) => [...command.path], () => ({})],
  ['no server', lineOf, () => ({})],
  ['a server that is not there', lineOf, () => signedIn('http://127.0.0.1:9')],
  ['an address that may not be used', lineOf, () => signedIn('http://example.com')],
  ['a token that is not valid', lineOf, () => signedIn(real.url, 'twl_user_no')],
  ['a real server, as its administrator', lineOf, () => signedIn(real.url, real.admin.token)],
  ['a page that is no answer', lineOf, strange(200, 'text/html', '<h1>\u001b[2Jhello</h1>')],
  ['an answer of another shape', lineOf, strange(200, 'application/json', '{}')],
  ['a failure without words', lineOf, strange(500, 'text/plain', '')],
  ['--help', (command) => [...command.path, '--help'], () => ({})],
]

describe.each(CASES)('--json is one document on stdout, and stderr is empty: %s', (_, argv, env) => {
  test.each(named)('%s', async (__, command) => {
    const { exit, stdout, stderr } = await run([...argv(command), '--json'], env())
    const document = JSON.parse(stdout) as object
    // Exactly one, on one line.
    expect(stdout.trimEnd()).not.toContain('\n')
    // Problems are what doctor is asked for: it lists them.
    if (exit !== 0 && exit !== 4 && !('problems' in document))
      expect(document).toHaveProperty('error.code', expect.stringMatching(/^[a-z_]+$/))
    expect(stderr).toBe('')
  })
})

test.each([[[]], [['--version']], [['--help']], [['request']], [['no-such-command']], [['request', 'no-such']]])(
  '%j --json is one document, too',
  async (argv) => {
    const { stdout, stderr } = await run([...argv, '--json'], {})
    expect(() => JSON.parse(stdout)).not.toThrow()
    expect(stderr).toBe('')
  },
)

test('after -- it is an argument', async () => {
  const { exit, stdout } = await run(['request', 'show', '--', '--json'], {})
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' })
})
