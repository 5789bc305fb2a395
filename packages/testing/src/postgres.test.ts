import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { startPostgres } from './postgres.ts'
import { execute } from './postgres-database.ts'
import { createTestDatabase, sharedPostgres } from './test-database.ts'

const isExternal = Boolean(process.env.TWINLOCK_TEST_POSTGRES_URL)

describe.runIf(!isExternal)('a server of its own', () => {
  test('it runs, makes databases and leaves nothing behind when stopped', async () => {
    const server = await startPostgres()
    expect(server.version).toMatch(/^18\./)
    expect(new URL(server.url).hostname).toBe('127.0.0.1')
    const database = await server.createDatabase()
    await execute(database.url, 'create table t (n int); insert into t values (7)')
    const copy = await server.createDatabase('copy of "it"', { template: database.name })
    expect(await execute(copy.url, 'select n, current_database() as name from t')).toEqual([
      { n: 7, name: 'copy of "it"' },
    ])
    await copy.drop()
    await expect(execute(copy.url, 'select 1')).rejects.toMatchObject({ code: '3D000' })

    const folder = dirname(dirname(server.logFile ?? ''))
    expect(existsSync(join(folder, 'data'))).toBe(true)
    await server.stop()
    await server.stop()
    expect(existsSync(folder)).toBe(false)
    await expect(execute(server.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('it demands the password', async () => {
    await using server = await startPostgres()
    const url = new URL(server.url)
    url.password = 'wrong'
    await expect(execute(url.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  })

  test('a given data folder is kept and started again', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'twinlock-keep-'))
    chmodSync(parent, 0o755)
    const dataDir = join(parent, 'data')
    try {
      await using first = await startPostgres({ dataDir })
      await execute(first.url, 'create table kept (n int)')
      await first.stop()
      await using second = await startPostgres({ dataDir })
      expect(await execute(second.url, 'select count(*) from kept')).toEqual([{ count: '0' }])
    } finally {
      rmSync(parent, { recursive: true })
    }
  })

  test('a server that cannot start says why', async () => {
    await expect(startPostgres({ settings: { shared_preload_libraries: 'no_such_library' } })).rejects.toThrow(
      /did not start.*no_such_library/s,
    )
  })

  test('a server does not survive a SIGKILL of the process that started it', async () => {
    const module = fileURLToPath(new URL('./postgres.ts', import.meta.url))
    const script = `import { startPostgres } from ${JSON.stringify(module)}
      const server = await startPostgres()
      console.log(JSON.stringify({ url: server.url, logFile: server.logFile }))
      setInterval(() => {}, 1000)`
    const args = ['--conditions=twinlock-source', '--input-type=module', '-e', script]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(createInterface(child.stdout), 'line')
    const { url, logFile } = JSON.parse(line)
    expect(await execute(url, 'select 1 as one')).toEqual([{ one: 1 }])
    child.kill('SIGKILL')
    await once(child, 'exit')
    const folder = dirname(dirname(logFile))
    for (let i = 0; i < 200 && existsSync(folder); i += 1) await sleep(50)
    expect(existsSync(folder)).toBe(false)
    await expect(execute(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('a process that forgets to stop its server still ends', async () => {
    const module = fileURLToPath(new URL('./postgres.ts', import.meta.url))
    const script = `import { startPostgres } from ${JSON.stringify(module)}; await startPostgres()`
    const args = ['--conditions=twinlock-source', '--input-type=module', '-e', script]
    await promisify(execFile)(process.execPath, args, { timeout: 20_000 })
  })

  test('the statement log names statement, database and application', async () => {
    await using server = await startPostgres()
    const database = await server.createDatabase('logged')
    const url = new URL(database.url)
    url.searchParams.set('application_name', 'twinlock exe_1')
    await execute(url.href, 'select $1::int as n', [42])
    await expect(execute(url.href, 'selec 1')).rejects.toMatchObject({ code: '42601' })
    const log = await server.statementLog()
    expect(log.filter((entry) => entry.database === 'logged')).toMatchObject([
      { message: 'execute <unnamed>: select $1::int as n', applicationName: 'twinlock exe_1', severity: 'LOG' },
      { severity: 'ERROR', statement: 'selec 1' },
    ])
  })
})

describe('the shared server', () => {
  test('a test file gets a database of its own, with its schema', async () => {
    await using one = await createTestDatabase({ schema: 'create table t (n int); insert into t values (1)' })
    await using two = await createTestDatabase()
    expect(await one.query('select n from t')).toEqual([{ n: 1 }])
    await expect(two.query('select n from t')).rejects.toMatchObject({ code: '42P01' })
    expect(new URL(one.url).host).toBe(new URL((await sharedPostgres()).url).host)
  })

  test('a clone has the rows of its original and does not share them', async () => {
    await using original = await createTestDatabase({ schema: 'create table t (n int); insert into t values (1)' })
    await using clone = await original.clone()
    await clone.query('update t set n = 2')
    expect(await original.query('select n from t')).toEqual([{ n: 1 }])
    expect(await clone.query('select n from t')).toEqual([{ n: 2 }])
  })

  test.runIf(!isExternal)('the statement log of a database is its own', async () => {
    await using one = await createTestDatabase()
    await using two = await createTestDatabase()
    await one.query('select 1 as first')
    await two.query('select 2 as second')
    expect((await one.statementLog()).map((entry) => entry.message)).toEqual(['statement: select 1 as first'])
  })
})
