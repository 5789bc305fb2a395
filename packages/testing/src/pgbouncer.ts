import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { unprivileged } from './postgres-binaries.ts'
import { freePort } from './test-processes.ts'

const PACKAGES = ['pgbouncer', 'libc-ares2', 'libevent-2.1-7']

interface PgBouncerBinary extends Disposable {
  readonly file: string
  readonly env: Readonly<Record<string, string>>
}

/**
 * PgBouncer: on the machine, or unpacked from Debian's packages, which needs no root and changes nothing. Undefined
 * when it cannot be had; in CI that is an error, since what needs it would quietly not be tested.
 */
export function findPgBouncer(): PgBouncerBinary | undefined {
  const installed = ['/usr/sbin/pgbouncer', '/usr/local/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'].find(existsSync)
  if (installed) return { file: installed, env: {}, [Symbol.dispose]() {} }
  const folder = mkdtempSync(join(tmpdir(), 'twinlock-pgbouncer-'))
  const dispose = () => rmSync(folder, { recursive: true, force: true })
  try {
    execFileSync('apt-get', ['download', ...PACKAGES], { cwd: folder, stdio: 'ignore', timeout: 60_000 })
    for (const name of readdirSync(folder)) execFileSync('dpkg-deb', ['-x', join(folder, name), folder])
    const [libraries = ''] = readdirSync(join(folder, 'usr/lib')).filter((name) => name.endsWith('-linux-gnu'))
    const env = { LD_LIBRARY_PATH: join(folder, 'usr/lib', libraries) }
    const file = join(folder, 'usr/sbin/pgbouncer')
    execFileSync(file, ['--version'], { env, stdio: 'ignore' })
    // Whoever it runs as must be able to read it.
    chmodSync(folder, 0o755)
    return { file, env, [Symbol.dispose]: dispose }
  } catch (cause) {
    dispose()
    if (process.env.CI) throw new Error('PgBouncer is missing, and what it breaks must be tested here.', { cause })
    return undefined
  }
}

/** The URL of a PgBouncer before a database; `settings` are lines of its `[pgbouncer]` section. */
export async function startPgBouncer(
  binary: PgBouncerBinary,
  databaseUrl: string,
  settings: Readonly<Record<string, string | number>>,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'twinlock-pgbouncer-run-'))
  const port = await freePort()
  const { hostname, port: serverPort, pathname, username, password } = new URL(databaseUrl)
  const name = decodeURIComponent(pathname.slice(1))
  const all = { listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', auth_type: 'any', ...settings }
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(
    file,
    `[databases]\n${name} = host=${hostname} port=${serverPort || 5432} dbname=${name} user=${username} password=${decodeURIComponent(password)}\n` +
      `[pgbouncer]\n${Object.entries(all)
        .map(([key, value]) => `${key} = ${value}\n`)
        .join('')}`,
  )
  if (unprivileged.uid !== undefined)
    for (const path of [folder, file]) chownSync(path, unprivileged.uid, unprivileged.gid)
  const child = spawn(binary.file, ['-q', file], {
    cwd: folder,
    env: { ...binary.env },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...unprivileged,
  })
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  const ended = once(child, 'close')
  for (const deadline = Date.now() + 10_000; !(await answers(port)); await sleep(20))
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`PgBouncer does not listen:\n${said}`)
  return {
    url: `postgres://app@127.0.0.1:${port}${pathname}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
