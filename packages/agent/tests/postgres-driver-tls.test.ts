import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority, type PostgresServer, startPostgres } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPostgresDriver } from '../src/drivers/postgres.ts'
import { collect } from './postgres-driver-fixture.ts'

const authority = createAuthority()
const { certificate, key } = authority.issue(['localhost', '127.0.0.1'])
const ca = authority.certificate
let folder: string | undefined
let server: PostgresServer

const isExternal = Boolean(process.env.TWINLOCK_TEST_POSTGRES_URL)

beforeAll(async () => {
  if (isExternal) return
  folder = mkdtempSync(join(tmpdir(), 'twinlock-tls-'))
  chmodSync(folder, 0o755)
  const files = { ssl_cert_file: join(folder, 'server.crt'), ssl_key_file: join(folder, 'server.key') }
  writeFileSync(files.ssl_cert_file, certificate)
  writeFileSync(files.ssl_key_file, key, { mode: 0o600 })
  // As root the server runs as another user, who alone may read the key.
  if (process.getuid?.() === 0) for (const file of Object.values(files)) chownSync(file, 65534, 65534)
  server = await startPostgres({ settings: { ssl: 'on', ...files } })
})
afterAll(async () => {
  await server?.stop()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

const open = async (options: { url: string; ca?: string }) => {
  const driver = createPostgresDriver(options)
  const session = await driver.open({ readOnly: false, applicationName: 'twinlock tls' })
  await session.begin('read_write')
  return { driver, session }
}

// Needs a server with a certificate of its own.
describe.runIf(!isExternal)('with a certificate authority', () => {
  test.each(['127.0.0.1', 'localhost'])('a connection to %s is encrypted and verified', async (host) => {
    const { driver, session } = await open({ url: server.url.replace('127.0.0.1', host), ca })
    await using _ = driver
    const { rows } = await collect(session, 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')
    expect(rows).toEqual([[true]])
  })

  test('a cancel reaches the server, and a field over its limit does not enter', async () => {
    const { driver, session } = await open({ url: server.url, ca })
    await using _ = driver
    const running = collect(session, 'select pg_sleep(3600)')
    running.catch(() => {})
    const second = await driver.open({ readOnly: true, applicationName: 'twinlock tls' })
    await second.begin('read_only')
    const isRunning = `select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(3600)'`
    while ((await collect(second, isRunning)).rowCount === 0) await sleep(10)
    await session.cancel('stop')
    await expect(running).rejects.toMatchObject({ code: 'cancelled', sqlstate: '57014' })

    const limits = { max_field_bytes: 1000 }
    await expect(collect(second, "select repeat('x', 5000000)", { limits })).rejects.toMatchObject({
      code: 'field_too_large',
    })
  })

  test('another authority’s certificate is refused', async () => {
    await expect(open({ url: server.url, ca: createAuthority().certificate })).rejects.toMatchObject({
      code: 'connection_failed',
    })
  })

  test('a server without TLS is refused, also when the URL disables it', async () => {
    await using plain = await startPostgres()
    for (const url of [plain.url, `${plain.url}?sslmode=disable`]) {
      await expect(open({ url, ca })).rejects.toMatchObject({ code: 'connection_failed' })
    }
  })
})
