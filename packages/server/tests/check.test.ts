import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEFAULT_CONFIG, freePort, startServerProcess } from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

let directory: string
let stateDir: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'twinlock-check-'))
  stateDir = join(directory, 'state')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function write(text: string): string {
  const file = join(directory, 'twinlock-server.toml')
  writeFileSync(file, text)
  return file
}

const configured = (port: number, rest = DEFAULT_CONFIG) =>
  write(
    `state_dir = ${JSON.stringify(stateDir)}\nlisten = "127.0.0.1:${port}"\n${rest}\n[results]\nquota = 1\nreserve = 1\n`,
  )

function check(file: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const args = ['--conditions=twinlock-source', MAIN, 'check', '--config', file]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: directory, env: {} }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
    })
  })
}

describe('twinlock-server check', () => {
  it('finds nothing wrong before a first start, and makes nothing', async () => {
    const file = configured(await freePort())
    expect(await check(file)).toEqual({
      code: 0,
      stdout: `warning  state_dir: ${stateDir} does not exist; the first start makes it\n${file}: no problems, 1 warning\n`,
      stderr: '',
    })
    expect(readdirSync(directory)).toEqual(['twinlock-server.toml'])
  })

  it('finds nothing wrong beside the server that runs, and does not disturb it', async () => {
    await using server = await startServerProcess({ config: DEFAULT_CONFIG })
    const port = Number(new URL(server.url).port)
    stateDir = server.stateDir
    const { code, stdout } = await check(configured(port))
    expect([code, stdout]).toEqual([0, expect.stringMatching(/no problems, no warnings\n$/)])
    expect((await fetch(`${server.url}/ready`)).status).toBe(200)
  })

  it('tells everything that is wrong at once, and no secret', async () => {
    mkdirSync(stateDir)
    chmodSync(stateDir, 0o777)
    writeFileSync(join(stateDir, 'admin-token'), 'hunter2', { mode: 0o644 })
    writeFileSync(join(stateDir, 'twinlock.db'), '')
    utimesSync(join(stateDir, 'twinlock.db'), new Date(), new Date(Date.now() + 86_400_000))
    const other = createServer((_, response) => response.end('{"status":"fine"}'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const file = configured(port, `signing_key = "hunter3"\nmetrics_listen = "192.0.2.1:9464"\n${DEFAULT_CONFIG}`)
    const { code, stdout } = await check(file)
    other.close()
    expect(code).toBe(1)
    const problems = stdout.split('\n').filter((line) => line.startsWith('problem'))
    expect(problems).toEqual([
      expect.stringMatching(/state_dir: others can write into .*chmod 700/),
      expect.stringMatching(/signing_key: .*Ed25519/),
      expect.stringMatching(/state_dir: .*admin-token can be read by others.*chmod 600/),
      expect.stringMatching(`listen: 127.0.0.1:${port} is in use by something else`),
      expect.stringMatching(/metrics_listen: cannot listen on 192\.0\.2\.1:9464/),
      expect.stringMatching(/clock: .*later than now/),
    ])
    expect(stdout).not.toMatch(/hunter/)
  })

  it('names the operations that no workflow covers, and what is served without TLS', async () => {
    const port = await freePort()
    const rules = `
[[databases]]
name = "app"
environments = ["development", "staging"]
dialect = "postgresql"
[[workflows]]
database = "app"
environment = "development"
operations = ["select"]
auto_approve = "always"
`
    const file = write(`state_dir = ${JSON.stringify(directory)}\nlisten = "0.0.0.0:${port}"\n${rules}`)
    const { code, stdout } = await check(file)
    expect(code).toBe(0)
    expect(stdout).toMatch('workflows: none covers dml, ddl on app/development: denied')
    expect(stdout).toMatch('workflows: none covers select, dml, ddl on app/staging: denied')
    expect(stdout).toMatch(/listen: 0\.0\.0\.0 is served as plain HTTP/)
  })

  it('ends with 2 where the configuration cannot be read, all its problems named', async () => {
    const { code, stderr } = await check(write('colour = "red"\nlisten = "x"\n'))
    expect([code, stderr]).toEqual([2, expect.stringMatching(/has 3 problems:[\s\S]*colour[\s\S]*/)])
  })
})
