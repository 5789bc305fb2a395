import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { api } from '@twinlock/contract'
import { verifyChain } from '@twinlock/evidence'
import {
  DEFAULT_CONFIG,
  readAuditBodies,
  readAuditRecords,
  startNode,
  startTestServer,
  type TestServer,
  testUser,
} from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { refusal } from './fixtures/manual-agent.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const { identity } = api

let directory: string
let stateDir: string
let config: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'twinlock-recover-'))
  stateDir = join(directory, 'state')
  config = join(directory, 'twinlock-server.toml')
  writeFileSync(config, `state_dir = ${JSON.stringify(stateDir)}\n${DEFAULT_CONFIG}`)
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const start = () => startTestServer({ stateDir })
const me = (server: TestServer, token: string) => testUser(server.url, 'admin', token).client.call(identity.me, {})
const tokenFile = () => join(stateDir, 'admin-token')
const readTokenFile = () => readFileSync(tokenFile(), 'utf8').trim()

async function recover(...args: string[]): Promise<{ code: unknown; text: string }> {
  await using child = startNode(MAIN, ['recover', '--config', config, ...args])
  const code = await child.ended
  return { code, text: child.lines.join('\n') }
}

describe('twinlock-server recover', () => {
  it('writes a new token for the administrator, private, and changes nothing else', async () => {
    let before = ''
    {
      await using server = await start()
      before = server.admin.token
      await server.createUser('alice', 'developer')
    }
    rmSync(tokenFile())
    expect(await recover()).toEqual({
      code: 0,
      text: `admin is an active administrator, with a new token in ${tokenFile()}
Start the server, sign in with it (twinlock login) and delete the file. The audit log has user.recovered.`,
    })
    expect(statSync(tokenFile()).mode & 0o777).toBe(0o600)
    await using server = await start()
    expect(readTokenFile()).not.toBe(before)
    expect(await me(server, readTokenFile())).toMatchObject({ name: 'admin', roles: ['admin'] })
    // The lost one may have been lost to nobody: it is for the administrator to revoke.
    expect(await me(server, before)).toMatchObject({ name: 'admin' })
    const events = (await readAuditBodies(server)).filter(({ type }) => type === 'user.recovered')
    expect(events).toMatchObject([{ actor: { type: 'system' }, subject: { type: 'user', id: 'admin' } }])
    expect(JSON.stringify(events)).not.toContain(readTokenFile())
    expect(await verifyChain(await readAuditRecords(server))).toMatchObject({ ok: true })
  })

  it('takes the place of the file that is there', async () => {
    await (await start())[Symbol.asyncDispose]()
    const before = readTokenFile()
    expect((await recover()).code).toBe(0)
    expect(readTokenFile()).not.toBe(before)
    expect(readdirSync(stateDir).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('makes a suspended person without the role an active administrator, and revokes their tokens when asked to', async () => {
    let before = ''
    {
      await using server = await start()
      before = (await server.createUser('ann', 'auditor', 'admin@app/*')).token
      const { client } = server.admin
      await client.call(identity.suspendUser, { params: { name: 'ann' }, body: {} })
    }
    const { code, text } = await recover('--user', 'ann', '--revoke-tokens')
    expect([code, text]).toEqual([
      0,
      expect.stringContaining(
        'ann is an active administrator (activated, given the role admin, freed of 1 older token), with a new token in ',
      ),
    ])
    const made = readTokenFile()
    await using server = await start()
    expect(await me(server, made)).toMatchObject({ name: 'ann', roles: ['auditor', 'admin@app/*', 'admin'] })
    expect(await refusal(me(server, before))).toMatchObject({ code: 'unauthenticated' })
  })

  it('refuses while the server runs, and says so', async () => {
    await using server = await start()
    const before = readTokenFile()
    const { code, text } = await recover()
    expect([code, text]).toEqual([1, expect.stringContaining(`a server is running on ${stateDir}; stop it first`)])
    expect(readTokenFile()).toBe(before)
    expect((await me(server, before)).name).toBe('admin')
  })

  it.each([
    ['nobody', 'there is no user nobody; name one with --user, such as admin'],
    ['ben', 'ben was removed for good; name one with --user, such as admin'],
  ])('refuses %s and makes nobody up', async (name, why) => {
    {
      await using server = await start()
      await server.createUser('ben', 'admin')
      await server.admin.client.call(identity.removeUser, { params: { name: 'ben' } })
    }
    const before = readTokenFile()
    const { code, text } = await recover('--user', name)
    expect([code, text]).toEqual([1, expect.stringContaining(why)])
    expect(readTokenFile()).toBe(before)
    expect(readdirSync(stateDir).filter((file) => file.endsWith('.tmp'))).toEqual([])
  })

  it('makes no state where there is none', async () => {
    const { code, text } = await recover()
    expect([code, text]).toEqual([1, expect.stringContaining(`there is no server's state in ${stateDir}`)])
    expect(readdirSync(directory)).toEqual(['twinlock-server.toml'])
  })
})
