import { type AgentView, AppError, type AuditEventView, api, type TargetView, type UserView } from '@twinlock/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'
import { runInTerminal } from './terminal.ts'

const AT = '2026-11-22T12:00:00Z'
const ALICE: UserView = {
  name: 'alice',
  status: 'active',
  roles: ['developer', 'approver@app/staging'],
  suspended: null,
  created_at: AT,
  last_seen_at: AT,
}
const TOKEN_ID = 'tok_01jd5hx0000000000000000001'
const TOKEN = {
  id: TOKEN_ID,
  kind: 'user' as const,
  user: 'alice',
  label: 'laptop',
  targets: null,
  created_at: AT,
  expires_at: null,
  revoked_at: null,
  last_used_at: null,
}
const AGENT: TargetView['agents'][number] = {
  id: 'prod-1',
  online: true,
  last_seen_at: AT,
  status: 'ok',
  server_version: 'PostgreSQL 18.4',
  code: null,
}
const TARGET: TargetView = {
  database: 'app',
  environment: 'production',
  dialect: 'postgresql',
  paused: null,
  queued: 0,
  running: 0,
  agents: [AGENT],
}

let server: PlayServer
let desk: Desk
beforeEach(async () => {
  server = await startPlayServer()
  desk = await createDesk({ TWINLOCK_SERVER: server.url, TWINLOCK_TOKEN: 'twl_user_secret' })
})
afterEach(async () => {
  await desk[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

describe('users', () => {
  test('roles for some targets are sent as they are written, each once', async () => {
    server.play(api.identity.createUser, () => ALICE)
    const roles = ['--role', 'developer', '--role', 'approver@app/staging', '--role', 'developer@*/*']
    const { exit, stderr } = await desk.run(['user', 'create', 'alice', ...roles])
    expect(server.calls[0]?.body).toEqual({ name: 'alice', roles: ['developer', 'approver@app/staging'] })
    expect(stderr).toBe(
      'created alice (developer, approver@app/staging)\n  A token to sign in with: twinlock token create alice\n',
    )
    expect(exit).toBe(0)
  })

  test('a role that is none is refused before anything is sent', async () => {
    const { exit, stderr } = await desk.run(['user', 'update', 'alice', '--role', 'developer@app'])
    expect(stderr).toContain('"developer@app" is not a role')
    expect(stderr).toContain('developer@app/production')
    expect({ exit, calls: server.calls.length }).toEqual({ exit: 2, calls: 0 })
  })

  test('show tells who suspended them, and which tokens still work', async () => {
    const suspended = { by: 'carol', at: AT, reason: 'laptop lost' }
    server.play(api.identity.getUser, () => ({ ...ALICE, status: 'suspended' as const, suspended }))
    server.play(api.identity.listTokens, () => ({
      items: [TOKEN, { ...TOKEN, id: 'tok_01jd5hx0000000000000000002', revoked_at: AT }],
      next_cursor: null,
    }))
    const { stdout } = await desk.run(['user', 'show', 'alice'])
    expect(stdout).toMatch(
      /^alice {3}suspended\nsuspended by carol .* ago: laptop lost\nroles {6}developer, approver@app\/staging\n/,
    )
    expect(stdout).toContain(`tokens     ${TOKEN_ID}  laptop, never used, does not expire`)
    expect(stdout).not.toContain('tok_01jd5hx0000000000000000002')
  })

  test.each([
    [['user', 'suspend', 'alice']],
    [['user', 'remove', 'alice']],
    [['token', 'revoke', TOKEN_ID]],
    [['token', 'revoke', '--all', '--user', 'alice']],
    [['target', 'pause', 'app/production', '--cancel-executions']],
  ])('%j does nothing without a terminal and without --yes', async (argv) => {
    const { exit, stderr } = await desk.run(argv)
    expect(stderr).toContain(
      'Nothing was done: without a terminal there is nobody to ask.\n  If it is meant, add --yes.',
    )
    expect({ exit, calls: server.calls.length }).toEqual({ exit: 2, calls: 0 })
  })

  test('in a terminal, no means no and yes means yes', async () => {
    server.play(api.identity.removeUser, () => ({ ...ALICE, status: 'removed' as const }))
    const env = { TWINLOCK_SERVER: server.url, TWINLOCK_TOKEN: 'twl_user_secret' }
    const answer = (word: string) => ({ home: desk.folder, env, answer: { to: '[y/N]', with: `${word}\r` } })
    const no = await runInTerminal(['user', 'remove', 'alice'], answer('n'))
    expect(no.stderr).toContain('Nothing was done: the answer was no.')
    expect(server.calls).toEqual([])
    const yes = await runInTerminal(['user', 'remove', 'alice'], answer('y'))
    expect(yes.stderr).toContain('removed alice; what they did stays in the audit log')
    expect([no.exit, yes.exit]).toEqual([2, 0])
  })

  test('suspending sends the reason', async () => {
    server.play(api.identity.suspendUser, () => ({ ...ALICE, status: 'suspended' as const }))
    await desk.run(['user', 'suspend', 'alice', '--yes', '--reason', ' laptop lost '])
    expect(server.calls[0]).toMatchObject({ params: { name: 'alice' }, body: { reason: 'laptop lost' } })
  })

  test('what the server refuses is said as it says it', async () => {
    server.play(api.identity.suspendUser, () => new AppError('permission_denied'))
    const { exit, stderr } = await desk.run(['user', 'suspend', 'alice', '--yes', '--json'])
    expect(stderr).toBe('')
    expect(exit).toBe(3)
  })
})

describe('tokens', () => {
  test('a list says whether each still works', async () => {
    server.play(api.identity.listTokens, ({ query }) => {
      expect(Object.fromEntries(query)).toEqual({ user: 'alice', limit: '200' })
      return { items: [TOKEN, { ...TOKEN, label: null, expires_at: '2020-01-01T00:00:00Z' }], next_cursor: null }
    })
    const { stdout } = await desk.run(['token', 'list', '--user', 'alice', '-o', 'csv'])
    expect(stdout).toContain(`${TOKEN_ID},alice,laptop,active,`)
    expect(stdout).toContain(`${TOKEN_ID},alice,,expired,`)
  })

  test('what looks like a token instead of an id is not repeated, nor sent', async () => {
    const { exit, stdout, stderr } = await desk.run(['token', 'revoke', 'twl_user_secret', '--yes'])
    expect(stdout + stderr).not.toContain('twl_user_secret')
    expect({ exit, calls: server.calls.length }).toEqual({ exit: 2, calls: 0 })
  })

  test('all of a user need a user, and an id is not among them', async () => {
    for (const argv of [['--all'], ['--user', 'alice'], [TOKEN_ID, '--all', '--user', 'alice'], []])
      expect((await desk.run(['token', 'revoke', ...argv, '--yes'])).exit).toBe(2)
    expect(server.calls).toEqual([])
    server.play(api.identity.revokeTokens, () => ({ revoked: 3 }))
    const { stderr } = await desk.run(['token', 'revoke', '--all', '--user', 'alice', '--yes'])
    expect(stderr).toContain('revoked 3 tokens of alice')
  })
})

describe('targets', () => {
  test('the list says who serves each and which is stopped', async () => {
    const paused = { by: 'carol', at: AT, reason: 'INC-207' }
    server.play(api.targets.list, () => ({
      items: [TARGET, { ...TARGET, environment: 'staging', paused, agents: [{ ...AGENT, online: false }] }],
    }))
    const { stdout, stderr } = await desk.run(['databases'])
    expect(stdout).toMatch(/app\/production \| ok +\| postgresql \| PostgreSQL 18.4 \| +0 \| +0 \| prod-1\n/)
    expect(stdout).toMatch(/app\/staging +\| paused \| .*prod-1 \(away\)\n/)
    expect(stderr).toBe('app/staging is paused by carol: INC-207\n  To go on: twinlock target resume app/staging\n')
  })

  test('a pause says what still runs, and how to stop that too', async () => {
    server.play(api.targets.pause, () => ({ target: { ...TARGET, running: 2 }, cancelled: 0 }))
    const { exit, stderr } = await desk.run(['target', 'pause', 'app/production', '--reason', 'INC-207'])
    expect(server.calls[0]).toMatchObject({
      params: { database: 'app', environment: 'production' },
      body: { reason: 'INC-207' },
    })
    expect(stderr).toContain('paused app/production; 2 executions still running\n')
    expect(stderr).toContain('twinlock target pause app/production --cancel-executions')
    expect(exit).toBe(0)
  })

  test('agents are listed with their clocks and what is wrong with their targets', async () => {
    server.play(api.agents.list, () => ({ items: [agentView()] }))
    const { stdout } = await desk.run(['agents', '-o', 'jsonl'])
    expect(JSON.parse(stdout)).toMatchObject({
      agent: 'prod-1',
      state: 'online',
      clock_skew_ms: 90_000,
      targets: 'app/production (refused),app/staging (not bound to its token)',
    })
  })
})

function agentView(): AgentView {
  const state = { status: 'ok' as const, server_version: null, code: null }
  return {
    id: 'prod-1',
    version: '0.1.0',
    online: true,
    last_seen_at: AT,
    free_capacity: 4,
    running: 0,
    clock_skew_ms: 90_000,
    created_at: AT,
    targets: [
      {
        target: 'app/production',
        dialect: 'postgresql',
        operations: null,
        bound: true,
        state: { ...state, status: 'refused' },
      },
      { target: 'app/staging', dialect: 'postgresql', operations: null, bound: false, state },
    ],
  }
}

function event(seq: number, changes: Partial<AuditEventView> = {}): AuditEventView {
  return {
    seq,
    id: `evt_${seq}`,
    type: 'request.approved',
    at: AT,
    actor: { type: 'user', id: 'bob' },
    subject: { type: 'request', id: 'req_1' },
    data: { step: 1, note: '\u001b[31mred' },
    hash: '0'.repeat(64),
    ...changes,
  }
}

describe('the audit log', () => {
  test('filters are checked and sent', async () => {
    server.play(api.audit.events, () => ({ items: [event(42)], next_cursor: null }))
    const filters = [
      '--type',
      'request.',
      '--actor',
      'bob',
      '--subject',
      '#1042',
      '--since',
      '2026-11-20',
      '--until',
      '1h',
    ]
    const { stdout } = await desk.run(['audit', 'list', ...filters, '-n', '5'])
    expect(Object.fromEntries(server.calls[0]?.query ?? [])).toMatchObject({
      type: 'request.',
      actor: 'bob',
      subject: '1042',
      since: '2026-11-20T00:00:00.000Z',
      limit: '5',
    })
    expect(stdout).toContain('request.approved')
    expect(stdout).not.toContain('\u001b[31m')
  })

  test.each([
    [['--type', 'request.aproved']],
    [['--type', 'request']],
    [['--since', 'yesterday']],
    [['--actor', 'Bob!']],
    [['-n', 'many']],
  ])('%j is an error, not an empty log', async (argv) => {
    const { exit } = await desk.run(['audit', 'list', ...argv])
    expect({ exit, calls: server.calls.length }).toEqual({ exit: 2, calls: 0 })
  })

  test('tail prints what was and then what comes, each event once, until Ctrl-C', async () => {
    const followed = Promise.withResolvers<void>()
    server.play(api.audit.events, ({ query }) => {
      const after = query.get('after')
      if (after === null)
        return { items: query.get('limit') === '1' ? [event(2)] : [event(3), event(2), event(1)], next_cursor: null }
      if (after === '2') return { items: [event(3), event(4)], next_cursor: null }
      followed.resolve()
      return 'hang'
    })
    const { exit, stdout } = await desk.run(['audit', 'tail', '-o', 'jsonl'], { interruptAfter: followed.promise })
    const seqs = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).seq)
    expect(seqs).toEqual([1, 2, 3, 4])
    expect(exit).toBe(130)
  })
})

describe('doctor', () => {
  const me = (changes: object = {}) => ({
    name: 'alice',
    roles: ['developer'],
    permissions: ['self:read' as const],
    token_expires_at: null,
    server: { id: 'srv_1', version: '1.4.0', time: new Date().toISOString() },
    ...changes,
  })
  beforeEach(() => {
    server.play(api.system.health, () => ({ status: 'ok' as const }))
    server.play(api.system.ready, () => ({ status: 'ready' as const }))
    server.play(api.identity.me, () => me())
    server.play(api.targets.list, () => ({ items: [TARGET] }))
    server.play(api.agents.list, () => ({ items: [] }))
  })

  test('says that all is well, and where each value comes from', async () => {
    const { exit, stdout } = await desk.run(['doctor'])
    expect(stdout).toMatch(/^server {9}http:\/\/127\.0\.0\.1:\d+ {3}ready, /)
    expect(stdout).toContain('identity       alice (developer)   token does not expire')
    expect(stdout).toContain('targets        app/production   agent prod-1, PostgreSQL 18.4')
    expect(stdout).toContain('server from TWINLOCK_SERVER')
    expect(stdout).toContain('token from TWINLOCK_TOKEN')
    expect(stdout).toMatch(/no problems\n$/)
    expect(exit).toBe(0)
  })

  test('finds every problem at once, says what to do, and exits 1', async () => {
    const soon = new Date(Date.now() + 86_400_000).toISOString()
    const time = new Date(Date.now() - 120_000).toISOString()
    server.play(api.system.ready, () => new AppError('not_ready'))
    server.play(api.identity.me, () => me({ token_expires_at: soon, server: { id: 's', version: '1.4.0', time } }))
    server.play(api.targets.list, () => ({
      items: [
        { ...TARGET, agents: [] },
        { ...TARGET, environment: 'staging', paused: { by: 'carol', at: AT, reason: null } },
        {
          ...TARGET,
          environment: 'test',
          agents: [{ ...AGENT, status: 'unreachable' as const, code: 'connection_failed' }],
        },
      ],
    }))
    server.play(api.agents.list, () => ({ items: [agentView()] }))
    const { exit, stdout } = await desk.run(['doctor', '--json'])
    const report = JSON.parse(stdout)
    const problems = report.findings.filter(({ ok }: { ok: boolean }) => !ok)
    expect(problems.map(({ area }: { area: string }) => area).sort()).toEqual(
      ['agents', 'agents', 'clock', 'identity', 'server', 'targets', 'targets', 'targets'].sort(),
    )
    expect(problems.every(({ hint }: { hint?: string }) => hint !== undefined)).toBe(true)
    expect({ exit, problems: report.problems }).toEqual({ exit: 1, problems: 8 })
  })

  test('without a server says so, and looks at the rest', async () => {
    const { exit, stdout } = await desk.run(['doctor'], { env: { TWINLOCK_SERVER: '', TWINLOCK_TOKEN: '' } })
    expect(stdout).toContain('No server is configured')
    expect(stdout).toContain('twinlock login --server')
    expect(stdout).toMatch(/1 problem\n$/)
    expect(exit).toBe(1)
  })

  test('a server that is not there, a token that is none: neither hides the configuration', async () => {
    server.play(api.identity.me, () => new AppError('unauthenticated'))
    const refused = await desk.run(['doctor'])
    expect(refused.stdout).toContain('server from TWINLOCK_SERVER')
    expect(refused.stdout).toMatch(/identity .*\n(.*\n)*1 problem\n$/)
    const gone = await desk.run(['doctor'], { env: { TWINLOCK_SERVER: 'http://127.0.0.1:1' } })
    expect(gone.stdout).toContain('cannot be reached')
    expect(gone.stdout).toContain('server from TWINLOCK_SERVER')
    expect([refused.exit, gone.exit]).toEqual([1, 1])
    expect(refused.stdout + gone.stdout).not.toContain('twl_user_secret')
  })
})
