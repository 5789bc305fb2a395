import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, api, type TokenView, type UserView } from '@twinlock/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'

const ME = {
  name: 'alice',
  roles: ['developer' as const],
  permissions: ['self:read' as const],
  token_expires_at: null,
  server: { id: 'srv_1', version: '1.4.0', time: '2026-11-22T12:00:00Z' },
}
const USER_TOKEN: TokenView = {
  id: 'tok_01jd5hx0000000000000000001',
  kind: 'user',
  user: 'bob',
  targets: null,
  label: null,
  revoked_at: null,
  last_used_at: null,
  created_at: '2026-11-22T12:00:00Z',
  expires_at: null,
  token: 'twl_made',
}
const AGENT_TOKEN: TokenView = { ...USER_TOKEN, kind: 'agent', user: null, targets: ['app/production'] }
const BOB: UserView = {
  name: 'bob',
  status: 'active',
  roles: ['developer', 'approver'],
  suspended: null,
  created_at: '2026-11-22T12:00:00Z',
  last_seen_at: null,
}

let server: PlayServer
let desk: Desk
const signedIn = () => ({ TWINLOCK_SERVER: server.url, TWINLOCK_TOKEN: 'twl_user_secret' })
beforeEach(async () => {
  server = await startPlayServer()
  desk = await createDesk()
  server.play(api.identity.me, ({ authorization }) =>
    authorization === 'Bearer twl_user_secret' ? ME : new AppError('unauthenticated'),
  )
})
afterEach(async () => {
  await desk[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

async function writeConfig(content: string, mode = 0o600): Promise<string> {
  const path = join(desk.folder, '.config/twinlock/config.toml')
  await mkdir(join(desk.folder, '.config/twinlock'), { recursive: true })
  await writeFile(path, content, { mode })
  return path
}

describe('login', () => {
  test('keeps a token that works in a file of its own, and the next command uses it', async () => {
    const { exit, stderr } = await desk.run(['login', '--server', server.url], { stdin: 'twl_user_secret\n' })
    expect(stderr).toContain(`signed in to ${server.url} as alice (developer); the token does not expire\n`)
    expect(exit).toBe(0)
    const path = join(desk.folder, '.config/twinlock/config.toml')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const whoami = await desk.run(['whoami'])
    expect(whoami.stdout).toBe(`alice (developer)\nserver   ${server.url}   1.4.0\ntoken    does not expire\n`)
  })

  test('does not keep a token that does not work, and never prints it', async () => {
    const { exit, stdout, stderr } = await desk.run(['login', '--server', server.url], { stdin: 'twl_wrong\n' })
    expect(stderr).toContain('error: Not signed in\n')
    expect(stdout + stderr).not.toContain('twl_wrong')
    expect(exit).toBe(1)
    await expect(stat(join(desk.folder, '.config/twinlock/config.toml'))).rejects.toThrow('ENOENT')
  })

  test('keeps what else is in the file', async () => {
    const path = await writeConfig('# mine\ndatabase = "app"\n')
    await desk.run(['login', '--server', server.url], { stdin: 'twl_user_secret' })
    const content = await readFile(path, 'utf8')
    expect(content).toContain('# mine\ndatabase = "app"\n')
    expect(content).toContain('token = "twl_user_secret"')
  })

  test('plain http to elsewhere is refused before the token is read', async () => {
    const { exit, stderr } = await desk.run(['login', '--server', 'http://twinlock.example.com'], { stdin: 'x' })
    expect(stderr).toContain('plain http:// to twinlock.example.com would show tokens and results to the network')
    expect(stderr).toContain('--allow-insecure')
    expect(exit).toBe(1)
  })
})

describe('configuration', () => {
  test('a token file that others can read is not used', async () => {
    const path = await writeConfig(`server = "${server.url}"\n[servers."${server.url}"]\ntoken = "twl_user_secret"\n`)
    await chmod(path, 0o644)
    const { exit, stderr } = await desk.run(['whoami'])
    expect(stderr).toBe(`error: ${path} holds a token and other users can read it.\n  chmod 600 ${path}\n`)
    expect({ exit, calls: server.calls.length }).toEqual({ exit: 1, calls: 0 })
  })

  test('unknown keys are errors, with their path', async () => {
    await writeConfig('serverr = "x"\n[servers."https://a.example"]\ntokn = "x"\n')
    const { exit, stderr } = await desk.run(['whoami'])
    expect(stderr).toContain('config.toml has 2 problems:\n')
    expect(stderr).toContain('serverr: there is no such key')
    expect(exit).toBe(1)
  })

  test("a project's file cannot have TWINLOCK_TOKEN sent to the server it names", async () => {
    const project = join(desk.folder, 'cloned/deep')
    await mkdir(project, { recursive: true })
    await writeFile(join(desk.folder, 'cloned/twinlock.toml'), `server = "${server.url}"\n`)
    const { exit, stderr } = await desk.run(['execute', 'select 1', '-t', 'app/production'], {
      cwd: project,
      env: { TWINLOCK_TOKEN: 'twl_user_secret' },
    })
    expect(stderr).toContain("TWINLOCK_TOKEN was not sent: only this project's twinlock.toml names")
    expect({ exit, calls: server.calls.length }).toEqual({ exit: 1, calls: 0 })
  })

  test("a project's file cannot read variables or hold a token", async () => {
    const file = join(desk.folder, 'twinlock.toml')
    const env = { TWINLOCK_TOKEN: 'twl_user_secret', SECRET: 's3cret' }
    await writeFile(file, `server = "${server.url}/\${SECRET}"\n`)
    const variable = await desk.run(['whoami'], { env })
    expect(variable.stderr).toContain('variables and files are not read for it')
    expect(variable.stderr).not.toContain('s3cret')
    await writeFile(file, `[servers."${server.url}"]\ntoken = "x"\n`)
    const token = await desk.run(['whoami'], { env })
    expect(token.stderr).toContain('servers: there is no such key')
    expect([variable.exit, token.exit, server.calls.length]).toEqual([1, 1, 0])
  })

  test("a project's file gives the target", async () => {
    await writeFile(join(desk.folder, 'twinlock.toml'), 'database = "shop"\nenvironment = "staging"\n')
    server.play(api.requests.create, () => new AppError('reason_required'))
    await desk.run(['execute', 'select 1'], { env: signedIn() })
    expect(server.calls[0]?.body).toMatchObject({ database: 'shop', environment: 'staging' })
  })
})

describe('users and tokens', () => {
  test('user create sends the roles', async () => {
    server.play(api.identity.createUser, () => BOB)
    const argv = ['user', 'create', 'bob', '--role', 'developer', '--role', 'approver']
    const { exit, stderr } = await desk.run(argv, { env: signedIn() })
    expect(server.calls[0]?.body).toEqual({ name: 'bob', roles: ['developer', 'approver'] })
    expect(stderr).toContain('created bob (developer, approver)\n')
    expect(exit).toBe(0)
  })

  test.each([
    ['without a role', ['user', 'create', 'bob'], /needs a role/],
    ['with an unknown role', ['user', 'create', 'bob', '--role', 'root'], /"root" is not a role/],
    ['a token for nobody', ['token', 'create'], /not clear whose token/],
    ['an agent token without targets', ['token', 'create', '--agent'], /bound to targets/],
    ['a target that is none', ['token', 'create', '--agent', '-t', 'app'], /"app" is not a target/],
  ])('%s is a usage error', async (_, argv, message) => {
    const { exit, stderr } = await desk.run(argv, { env: signedIn() })
    expect(stderr).toMatch(message)
    expect({ exit, calls: server.calls.length }).toEqual({ exit: 2, calls: 0 })
  })

  test('token create prints the token alone on stdout', async () => {
    server.play(api.identity.createToken, () => USER_TOKEN)
    const { stdout, stderr } = await desk.run(['token', 'create', 'bob', '--expires-in', '12h'], { env: signedIn() })
    expect(server.calls[0]?.body).toEqual({ user: 'bob', expires_in_s: 43_200 })
    expect(stdout).toBe('twl_made\n')
    expect(stderr).toBe(
      'token for bob; does not expire\n  It is not shown again. To end it: twinlock token revoke tok_01jd5hx0000000000000000001\n',
    )
  })

  test("an agent's token is bound to its targets", async () => {
    server.play(api.identity.createAgentToken, () => AGENT_TOKEN)
    await desk.run(['token', 'create', '--agent', '--target', 'app/production'], { env: signedIn() })
    expect(server.calls[0]?.body).toEqual({ targets: [{ database: 'app', environment: 'production' }] })
  })

  test('user list reads every page', async () => {
    server.play(api.identity.listUsers, ({ query }) => ({
      items: [query.get('cursor') ? BOB : { ...BOB, name: 'alice' }],
      next_cursor: query.get('cursor') ? null : 'next',
    }))
    const { stdout } = await desk.run(['user', 'list', '-o', 'jsonl'], { env: signedIn() })
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).name),
    ).toEqual(['alice', 'bob'])
  })
})

describe('init', () => {
  test('--yes writes two files and never overwrites one', async () => {
    const first = await desk.run(['init', '--yes'])
    expect(first.stderr).toContain(
      'wrote twinlock-server.toml and twinlock-agent.toml: reads and changes in production need an approver; in development they run at once\n',
    )
    expect(first.exit).toBe(0)
    const path = join(desk.folder, 'twinlock-agent.toml')
    await writeFile(path, 'mine')
    const second = await desk.run(['init', '--yes'])
    expect(second.stderr).toContain('are already here. Nothing was written.')
    expect(second.exit).toBe(1)
    expect(await readFile(path, 'utf8')).toBe('mine')
  })

  test('without a terminal it wants --yes: exit 2', async () => {
    expect((await desk.run(['init'])).exit).toBe(2)
  })
})
