import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  agentToml,
  createAuthority,
  readAuditBodies,
  startConnectProxy,
  startNode,
  startTestServer,
  startTlsFront,
  type TestServer,
  type TlsFront,
} from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// Trust is what these tests are about: nothing that this machine adds may have a part in it.
delete process.env.NODE_EXTRA_CA_CERTS

const AGENT = fileURLToPath(new URL('../packages/agent/bin/twinlock-agent.js', import.meta.url))
const CLI = fileURLToPath(new URL('../packages/cli/bin/twinlock.js', import.meta.url))
/** Resolved by the proxy alone: RFC 6761 keeps `.test` for tests. */
const HOST = 'twinlock.test'
const UNREACHED = 'postgres://nobody@127.0.0.1:1/app'

const authority = createAuthority()
let server: TestServer
let front: TlsFront
let expired: TlsFront
let folder: string
let caFile: string
let otherCaFile: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'twinlock-network-'))
  caFile = write('ca.pem', authority.certificate)
  otherCaFile = write('other-ca.pem', createAuthority().certificate)
  server = await startTestServer()
  front = await startTlsFront(server.url, authority.issue(['localhost', HOST]))
  expired = await startTlsFront(server.url, authority.issue(['localhost'], -1))
})
afterAll(async () => {
  for (const part of [front, expired, server]) await part?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

function write(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

async function whoami(env: Readonly<Record<string, string>>): Promise<{ exit: unknown; said: string }> {
  const all = { HOME: folder, TWINLOCK_TOKEN: server.admin.token, ...env }
  await using cli = startNode(CLI, ['whoami'], { env: all, cwd: folder })
  const exit = await cli.ended
  return { exit, said: cli.lines.join('\n') }
}

let agents = 0

/** An agent of its own for each call, until what is waited for has come. */
async function withAgent(
  given: { url: string; caFile?: string; env?: Record<string, string> },
  until: (said: string, id: string) => Promise<boolean>,
): Promise<string> {
  const home = mkdtempSync(join(folder, 'agent-'))
  const agentId = `agent-${++agents}`
  const options = { agentId, serverUrl: given.url, token: server.agentToken, targets: { 'app/development': UNREACHED } }
  const toml = agentToml(options, join(home, 'state'))
  const file = join(home, 'twinlock-agent.toml')
  const caLine = given.caFile === undefined ? '' : `ca_file = ${JSON.stringify(given.caFile)}\n`
  writeFileSync(file, toml.replace('[server]\n', `[server]\n${caLine}`), { mode: 0o600 })
  await using agent = startNode(AGENT, ['--config', file], { ...(given.env ? { env: given.env } : {}) })
  let hasEnded = false
  void agent.ended.then(() => {
    hasEnded = true
  })
  while (!hasEnded && !(await until(agent.lines.join('\n'), agentId))) await sleep(50)
  return agent.lines.join('\n')
}

async function isRegistered(id: string): Promise<boolean> {
  const bodies = await readAuditBodies(server)
  return bodies.some(({ type, subject }) => type === 'agent.registered' && subject?.id === id)
}

describe('a private authority', () => {
  it('is not trusted by itself, and the command line says what to do', async () => {
    const { exit, said } = await whoami({ TWINLOCK_SERVER: `https://localhost:${front.port}` })
    expect(exit).toBe(1)
    expect(said).toContain(`https://localhost:${front.port} cannot be reached: its certificate is signed by nobody`)
    expect(said).toContain('TWINLOCK_CA_FILE')
  })

  it('is trusted by the command line that names it', async () => {
    const { exit, said } = await whoami({
      TWINLOCK_SERVER: `https://localhost:${front.port}`,
      TWINLOCK_CA_FILE: caFile,
    })
    expect(said).toContain('admin')
    expect(exit).toBe(0)
  })

  it('is kept by login for that server, and only once the token has worked', async () => {
    const url = `https://localhost:${front.port}`
    const home = mkdtempSync(join(folder, 'home-'))
    const login = async (ca: string) => {
      const child = spawn(process.execPath, [CLI, 'login', '--server', url, '--ca-file', ca], {
        env: { HOME: home },
        cwd: folder,
        stdio: ['pipe', 'ignore', 'ignore'],
      })
      child.stdin.end(server.admin.token)
      return (await once(child, 'close'))[0]
    }
    expect(await login('other-ca.pem')).toBe(1)
    expect(await login('ca.pem')).toBe(0)
    expect((await whoami({ HOME: home, TWINLOCK_TOKEN: '' })).exit).toBe(0)
  })

  it('another one is refused by name', async () => {
    const { exit, said } = await whoami({
      TWINLOCK_SERVER: `https://localhost:${front.port}`,
      TWINLOCK_CA_FILE: otherCaFile,
    })
    expect(exit).toBe(1)
    expect(said).toContain('its certificate is not signed by an authority in ca_file')
  })

  it('does not make another name or an old certificate good', async () => {
    const byAddress = await whoami({ TWINLOCK_SERVER: `https://127.0.0.1:${front.port}`, TWINLOCK_CA_FILE: caFile })
    expect(byAddress.said).toContain('its certificate is for another name than 127.0.0.1')
    const old = await whoami({ TWINLOCK_SERVER: `https://localhost:${expired.port}`, TWINLOCK_CA_FILE: caFile })
    expect(old.said).toContain('its certificate has expired')
    expect([byAddress.exit, old.exit]).toEqual([1, 1])
  })

  it('NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch the check off', async () => {
    const { exit, said } = await whoami({
      TWINLOCK_SERVER: `https://localhost:${front.port}`,
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    })
    expect(exit).toBe(1)
    expect(said).toContain('its certificate is signed by nobody')
  })

  it.each([
    ['a file that is not there', 'nowhere.pem', 'cannot be read (ENOENT)'],
    ['a file without a certificate', 'key.pem', 'holds no certificate'],
    ['a damaged certificate', 'damaged.pem', 'certificate 1 in'],
  ])('%s is an error of the configuration that names the key', async (_, name, words) => {
    write('key.pem', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
    write('damaged.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    const path = join(folder, name)
    const { exit, said } = await whoami({ TWINLOCK_SERVER: 'https://twinlock.example.com', TWINLOCK_CA_FILE: path })
    expect(exit).toBe(1)
    expect(said).toContain(`TWINLOCK_CA_FILE: `)
    expect(said).toContain(words)
    const agent = await withAgent({ url: 'https://twinlock.example.com', caFile: path }, async () => false)
    expect(agent).toContain('server.ca_file: ')
    expect(agent).toContain(words)
  })

  it('is trusted by the agent that names it, and by no other', async () => {
    const url = `https://localhost:${front.port}`
    let refused = ''
    const said = await withAgent({ url }, async (lines, id) => {
      refused = id
      return lines.includes('its certificate is signed by nobody')
    })
    expect(said).toContain('its certificate is signed by nobody')
    expect(await isRegistered(refused)).toBe(false)
    await withAgent({ url, caFile }, (_, id) => isRegistered(id))
  })
})

describe('a proxy', () => {
  const viaProxy = (url: string) => ({
    TWINLOCK_SERVER: `https://${HOST}:8443`,
    TWINLOCK_CA_FILE: caFile,
    HTTPS_PROXY: url,
  })

  it('is asked for a tunnel, and sees no token', async () => {
    await using proxy = await startConnectProxy({ [HOST]: front.port })
    const { exit, said } = await whoami(viaProxy(proxy.url))
    expect(said).toContain('admin')
    expect(exit).toBe(0)
    expect(proxy.asked).toEqual([`CONNECT ${HOST}:8443`])
    expect(proxy.seen().length).toBeGreaterThan(100)
    expect(proxy.seen()).not.toContain(server.admin.token)
    expect(proxy.seen()).not.toContain('authorization')
  })

  it('gets the name and password of its URL, which no message repeats', async () => {
    await using proxy = await startConnectProxy({ [HOST]: front.port }, { credentials: 'alice:hidden-password' })
    const url = (credentials: string) => proxy.url.replace('http://', `http://${credentials}@`)
    expect((await whoami(viaProxy(url('alice:hidden-password')))).exit).toBe(0)
    const wrong = await whoami(viaProxy(url('alice:wrong-password')))
    expect(wrong.exit).toBe(1)
    expect(wrong.said).toMatch(/the proxy 127\.0\.0\.1:\d+ answered 407/)
    expect(wrong.said).not.toContain('wrong-password')
  })

  it('NO_PROXY is honoured', async () => {
    await using proxy = await startConnectProxy({})
    const { exit } = await whoami({ ...viaProxy(proxy.url), NO_PROXY: HOST })
    expect(exit).toBe(1)
    expect(proxy.asked).toEqual([])
  })

  it('that does not answer is named, with what to do', async () => {
    await using proxy = await startConnectProxy({})
    const { exit, said } = await whoami(viaProxy(proxy.url))
    expect(exit).toBe(1)
    expect(said).toMatch(/the proxy 127\.0\.0\.1:\d+ answered 502/)
    expect(said).toContain(`NO_PROXY=${HOST}`)
  })

  it('what is no proxy is an error that does not repeat it', async () => {
    const { exit, said } = await whoami(viaProxy('socks5://alice:hidden-password@proxy'))
    expect(exit).toBe(1)
    expect(said).toContain('HTTPS_PROXY is not the URL of a proxy')
    expect(said).not.toContain('hidden-password')
  })

  it('is never used for plain HTTP, nor for this machine', async () => {
    await using proxy = await startConnectProxy({})
    const proxies = { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url, ALL_PROXY: proxy.url, NODE_USE_ENV_PROXY: '1' }
    expect((await whoami({ ...proxies, TWINLOCK_SERVER: server.url })).exit).toBe(0)
    const local = { TWINLOCK_SERVER: `https://localhost:${front.port}`, TWINLOCK_CA_FILE: caFile }
    expect((await whoami({ ...proxies, ...local })).exit).toBe(0)
    expect(proxy.asked).toEqual([])
  })

  it('is used by the agent, which sends its token through the tunnel alone', async () => {
    await using proxy = await startConnectProxy({ [HOST]: front.port })
    const env = { HTTPS_PROXY: proxy.url, TWINLOCK_CA_FILE: caFile }
    await withAgent({ url: `https://${HOST}`, env }, (_, id) => isRegistered(id))
    expect(proxy.asked[0]).toBe(`CONNECT ${HOST}:443`)
    expect(proxy.seen()).not.toContain(server.agentToken)
  })
})
