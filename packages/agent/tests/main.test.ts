import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type TemporaryDirectory, temporaryDirectory } from './fixtures/agent-setup.ts'
import { eventually } from './fixtures/eventually.ts'
import { startProtocolServer } from './fixtures/protocol-server.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => directory[Symbol.asyncDispose]())

function run(args: string[]) {
  const child = spawn(process.execPath, ['--conditions=twinlock-source', MAIN, ...args], {
    cwd: directory.path,
    env: { ...process.env, TWINLOCK_AGENT_TOKEN: undefined },
    stdio: 'pipe',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  return {
    child,
    stdout: () => stdout,
    ended: once(child, 'close').then(() => ({ code: child.exitCode, stdout, stderr })),
  }
}

async function writeConfig(rest = ''): Promise<void> {
  await using server = await startProtocolServer()
  await writeFile(
    `${directory.path}/twinlock-agent.toml`,
    `agent_id = "prod-1"\nstate_dir = "state"\n[server]\nurl = "${server.url}"\ntoken = "${server.agentToken}"\n` +
      `[databases.app.production]\nurl = "postgres://app:hunter2@127.0.0.1:1/app"\n${rest}`,
    { mode: 0o600 },
  )
}

describe('twinlock-agent', () => {
  test('prints its help and its version on stdout', async () => {
    expect(await run(['--help']).ended).toMatchObject({ code: 0, stdout: expect.stringContaining('--config FILE') })
    expect(await run(['--version']).ended).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
  })

  test.each([
    ['an unknown option', ['--nope'], 2, /Unknown option '--nope'/],
    ['a superfluous word', ['start'], 2, /Unexpected argument 'start'/],
    ['no configuration', [], 1, /no configuration[\s\S]*--config FILE/],
    ['a file that is not there', ['--config', 'none.toml'], 1, /none\.toml: there is no such file/],
  ])('ends for %s with a reason and no stack', async (_title, args, code, message) => {
    const ended = await run(args).ended
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) })
    expect(ended.stderr).not.toMatch(/^ {4}at /m)
  })

  test('names what is wrong in its configuration, and no secret', async () => {
    await writeConfig('colour = "red"\n')
    const ended = await run([]).ended
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('databases.app.production.colour') })
    expect(ended.stderr).not.toContain('hunter2')
  })

  test.runIf(process.platform !== 'win32').each(['640', '604'])(
    'does not start on a file of secrets that others can read (%s)',
    async (mode) => {
      await writeConfig()
      await chmod(`${directory.path}/twinlock-agent.toml`, Number.parseInt(mode, 8))
      const ended = await run([]).ended
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('chmod 600 twinlock-agent.toml') })
      expect(ended.stderr).not.toContain('hunter2')
    },
  )

  test.runIf(process.platform !== 'win32')('warns of a referred file that every user can read', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the configuration's own syntax
    await writeConfig('[databases.app.staging]\nurl = "${file:url}"\n')
    await writeFile(`${directory.path}/url`, 'postgres://app:hunter2@127.0.0.1:1/app\n', { mode: 0o644 })
    const { child, ended, stdout } = run([])
    await eventually(stdout).toContain('agent starts')
    child.kill('SIGTERM')
    await ended
    expect(stdout()).toContain('"remedy":"chmod o-r url"')
    expect(stdout()).not.toContain('hunter2')
  })

  test('says when its state directory is no directory', async () => {
    await writeConfig()
    await writeFile(`${directory.path}/state`, '')
    expect(await run([]).ended).toMatchObject({ code: 1, stderr: expect.stringContaining('state_dir state') })
  })

  test('starts while server and database are away, logs JSON without secrets, and ends on SIGTERM', async () => {
    await writeConfig()
    const { child, ended, stdout } = run([])
    await eventually(stdout).toContain("the server's key cannot be fetched")
    child.kill('SIGTERM')
    const { code, stderr } = await ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout().trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).msg)).toContain('agent stops')
    expect(stdout()).not.toMatch(/hunter2|twl_agent/)
  })
})
