import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { readAgentConfig } from '@twinlock/agent'
import { LEASE_MS } from '@twinlock/contract'
import { readServerConfig, sweep } from '@twinlock/server'
import {
  createShiftedClock,
  createTestDatabase,
  type RunningProcess,
  startNode,
  startTestStack,
  type TestDatabase,
} from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDesk, type Desk } from '../packages/cli/tests/run-twinlock.ts'

const bin = (path: string) => fileURLToPath(new URL(`../packages/${path}`, import.meta.url))
const SCHEMA =
  'create table orders (id int primary key, status text not null); insert into orders values (4711, $$open$$), (4712, $$open$$)'

/** What `twinlock init --yes` leads to: a server and an agent on exactly its files, and three people with tokens of their own. */
interface Office extends AsyncDisposable {
  /** Where the files are; the administrator's home as well. */
  readonly admin: Desk
  readonly alice: Desk
  readonly bob: Desk
  readonly development: TestDatabase
  readonly production: TestDatabase
  readonly server: RunningProcess
}

async function openOffice(): Promise<Office> {
  await using cleanup = new AsyncDisposableStack()
  const [admin, alice, bob] = await Promise.all([createDesk(), createDesk(), createDesk()])
  for (const desk of [admin, alice, bob]) cleanup.use(desk)
  const development = cleanup.use(await createTestDatabase({ schema: SCHEMA }))
  const production = cleanup.use(await createTestDatabase({ schema: SCHEMA }))
  expect((await admin.run(['init', '--yes'])).exit).toBe(0)

  const cwd = admin.folder
  const serverFlags = ['--config', 'twinlock-server.toml']
  const server = cleanup.use(
    startNode(bin('server/bin/twinlock-server.js'), serverFlags, { cwd, env: { TWINLOCK_LISTEN: '127.0.0.1:0' } }),
  )
  const listening = await server.line((line) => line.includes('"listening"'), 'the server listened')
  const url = String(JSON.parse(listening).url)
  const agent = startNode(bin('agent/bin/twinlock-agent.js'), ['--config', 'twinlock-agent.toml'], {
    cwd,
    env: {
      TWINLOCK_SERVER_URL: url,
      TWINLOCK_AGENT_TOKEN: (await stateFile(admin, 'agent-token')).trim(),
      DEVELOPMENT_DATABASE_URL: development.url,
      PRODUCTION_DATABASE_URL: production.url,
    },
  })
  cleanup.use(agent)

  await signIn(admin, url, await stateFile(admin, 'admin-token'))
  for (const [name, role, desk] of [
    ['alice', 'developer', alice],
    ['bob', 'approver', bob],
  ] as const) {
    expect(await admin.run(['user', 'create', name, '--role', role])).toMatchObject({ exit: 0, stdout: '' })
    const token = await admin.run(['token', 'create', name])
    expect(token).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^twl_user_[0-9a-f]{64}\n$/) })
    await signIn(desk, url, token.stdout)
  }
  const owned = cleanup.move()
  return { admin, alice, bob, development, production, server, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const stateFile = (admin: Desk, name: string) => readFile(join(admin.folder, 'twinlock-state', name), 'utf8')

async function signIn(desk: Desk, url: string, token: string): Promise<void> {
  const { exit, stderr } = await desk.run(['login', '--server', url], { stdin: token })
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: expect.stringContaining(`signed in to ${url}`) })
}

let office: Office
beforeAll(async () => {
  office = await openOffice()
})
afterAll(async () => {
  await office?.[Symbol.asyncDispose]()
})

const change = (id: number, reason: string) => [
  'execute',
  `update orders set status = 'cancelled' where id = ${id}`,
  ...['-t', 'app/production', '--reason', reason],
]
const read = (environment: string) => [
  'execute',
  'select id, status from orders order by id',
  '-t',
  `app/${environment}`,
]

/** Asks without waiting; the number of the request. */
async function ask(argv: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await office.alice.run([...argv, '--no-wait'])
  expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' })
  return /^#(\d+) {2}/.exec(stderr)?.[1] ?? 'no number'
}

/** The number of the pending request with this reason, as bob sees it once it is there. */
async function seenByBob(reason: string): Promise<string> {
  const list = async () => {
    const { stdout } = await office.bob.run(['request', 'list', '--status', 'pending', '--json'])
    return (JSON.parse(stdout) as { number: number; reason: string | null }[]).find((one) => one.reason === reason)
  }
  await expect.poll(list, { timeout: 20_000 }).toBeDefined()
  return String((await list())?.number)
}

const statusOf = async (id: number) =>
  (await office.production.query('select status from orders where id = $1', [id]))[0]?.status

describe('the files that init writes', () => {
  /** The text of one, and what else a reader of configuration wants to know: they name no further files. */
  const source = async (name: string, env: Record<string, string> = {}) => ({
    text: await readFile(join(office.admin.folder, name), 'utf8'),
    env,
    readFile: (path: string) => {
      throw new Error(`${path} should not be read`)
    },
  })

  it('are a configuration of the server: development is free, production needs an approver for reads as well', async () => {
    const result = readServerConfig(await source('twinlock-server.toml'))
    if (!result.ok) throw new Error(JSON.stringify(result.problems))
    const { workflows, stateDir } = result.value.config
    expect(stateDir).toBe('./twinlock-state')
    expect(workflows.map(({ environment, operations, autoApprove }) => [environment, operations, autoApprove])).toEqual(
      [
        ['production', ['select', 'dml', 'ddl'], 'never'],
        ['development', ['select', 'dml', 'ddl'], 'always'],
      ],
    )
  })

  it('are a configuration of the agent', async () => {
    const env = {
      TWINLOCK_AGENT_TOKEN: (await stateFile(office.admin, 'agent-token')).trim(),
      DEVELOPMENT_DATABASE_URL: office.development.url,
      PRODUCTION_DATABASE_URL: office.production.url,
    }
    const result = readAgentConfig(await source('twinlock-agent.toml', env))
    if (!result.ok) throw new Error(JSON.stringify(result.problems))
    const { server, targets } = result.value.config
    expect(server.url).toBe('http://127.0.0.1:3000')
    expect(targets.map(({ database, environment }) => `${database}/${environment}`)).toEqual([
      'app/development',
      'app/production',
    ])
  })
})

describe('who they are', () => {
  it.each([
    ['admin', 'admin (admin)'],
    ['alice', 'alice (developer)'],
    ['bob', 'bob (approver)'],
  ] as const)('whoami, as %s', async (name, says) => {
    const { exit, stdout } = await office[name].run(['whoami'])
    expect({ exit, first: stdout.split('\n')[0] }).toEqual({ exit: 0, first: says })
  })
})

describe('reads', () => {
  it('of development run at once: rows on stdout, exit 0', async () => {
    const { exit, stdout, stderr } = await office.alice.run(read('development'))
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: '  id | status\n-----+-------\n4711 | open\n4712 | open\n' })
    expect(stderr).toMatch(/^2 rows {3}.* {3}agent agent-1\n$/)
  })

  it('of production wait for an approver like changes do: exit 4', async () => {
    const { exit, stdout, stderr } = await office.alice.run([...read('production'), '--reason', 'a look'])
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' })
    expect(stderr).toMatch(
      /^#\d+ {2}select on app\/production\npending: waiting for 1 approval from role:approver \(bob\)\n/,
    )
  })
})

describe('a change of production', () => {
  it('waits, is approved by somebody else, runs once, and its story and result can be read', async () => {
    const number = await ask(change(4711, 'INC-204: duplicate order'))
    expect(await office.alice.run(['approve', number, '--yes'])).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining('denied: self_approval'),
    })
    expect(await office.alice.run(['run', number, '--no-wait'])).toMatchObject({ exit: 4, stdout: '' })
    expect(await statusOf(4711)).toBe('open')

    const approved = await office.bob.run(['approve', number, '--yes', '--comment', 'checked the ticket'])
    expect(approved).toMatchObject({ exit: 0, stdout: '' })
    expect(approved.stderr).toContain("  sql       update orders set status = 'cancelled' where id = 4711\n")
    expect(approved.stderr).toContain(`approved. alice can run it now: twinlock run ${number}\n`)
    expect(await office.bob.run(['run', number])).toMatchObject({ exit: 3 })

    const run = await office.alice.run(['run', number])
    expect({ exit: run.exit, stdout: run.stdout }).toEqual({ exit: 0, stdout: '' })
    expect(run.stderr).toMatch(/\n1 row affected {3}.* {3}agent agent-1\n$/)
    expect(await statusOf(4711)).toBe('cancelled')

    expect(await office.alice.run(['result', number])).toMatchObject({
      exit: 0,
      stderr: expect.stringMatching(/^1 row affected/),
    })
    expect(await office.alice.run(['run', number])).toMatchObject({ exit: 1 })

    const { stdout: shown } = await office.bob.run(['request', 'show', number])
    expect(shown).toContain(`#${number}  dml on app/production by alice   completed\n`)
    expect(shown).toContain('approved by bob: "checked the ticket"')
    const { stdout: listed } = await office.alice.run(['request', 'list', '-o', 'csv'])
    expect(listed).toMatch(new RegExp(`^${number},completed,app/production,dml,alice,succeeded,`, 'm'))
  })

  it('with --wait ends with its rows when bob approves meanwhile', async () => {
    const sql = "update orders set status = 'shipped' where id = 4712 returning id, status"
    const asked = office.alice.run(['execute', sql, '-t', 'app/production', '--reason', 'ship it', '--wait'])
    expect(await office.bob.run(['approve', await seenByBob('ship it'), '--yes'])).toMatchObject({ exit: 0 })
    const { exit, stdout, stderr } = await asked
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: '  id | status\n-----+--------\n4712 | shipped\n' })
    expect(stderr).toMatch(
      /^#\d+ {2}dml on app\/production\nwaiting for 1 approval from role:approver \(bob\)\napproved by bob\n1 row affected {3}/,
    )
  })

  it('with --on-approval runs with the approval, and whoever waits gets its rows', async () => {
    const asked = office.alice.run([...change(4712, 'at once'), '--on-approval', '--wait'])
    const number = await seenByBob('at once')
    expect(await office.bob.run(['approve', number, '--yes'])).toMatchObject({
      exit: 0,
      stderr: expect.stringContaining('It runs now'),
    })
    expect(await asked).toMatchObject({ exit: 0, stderr: expect.stringMatching(/\n1 row affected {3}/) })
    const { stdout } = await office.alice.run(['request', 'show', number, '--json'])
    expect(JSON.parse(stdout).executions).toHaveLength(1)
  })

  it('that bob rejects exits 5, for whoever waits and for whoever comes later', async () => {
    const asked = office.alice.run([...change(4712, 'no good'), '--wait', '--json'])
    const number = await seenByBob('no good')
    expect(await office.bob.run(['reject', number, '--comment', 'wrong order'])).toMatchObject({ exit: 0 })
    const { exit, stdout } = await asked
    expect(exit).toBe(5)
    expect(JSON.parse(stdout)).toMatchObject({
      request: { status: 'rejected' },
      execution: null,
      error: { code: 'request_ended' },
    })
    const later = await office.alice.run(['run', number])
    expect(later).toMatchObject({ exit: 5, stdout: '' })
    expect(later.stderr).toContain('rejected by bob: "wrong order"')
  })
})

describe('what gives no rows', () => {
  const DEVELOPMENT = ['-t', 'app/development']
  it.each([
    [
      'is denied',
      ['execute', 'grant select on orders to public', ...DEVELOPMENT],
      3,
      /^denied: no_matching_workflow\n/,
    ],
    [
      'fails in the database',
      ['execute', 'select 1 / 0', ...DEVELOPMENT],
      6,
      /SQLSTATE 22012.*\n {2}division by zero\n/,
    ],
    ['is not approved in time', [...change(4712, 'nobody looks'), '--wait=2s'], 4, /timed out; still pending: waiting/],
    ['is pending', [...change(4712, 'later'), '--no-wait'], 4, /\npending: waiting for 1 approval/],
  ] as const)('what %s says so', async (_, argv, exit, says) => {
    const ended = await office.alice.run(argv)
    expect(ended).toMatchObject({ exit, stdout: '' })
    expect(ended.stderr).toMatch(says)
  })
})

describe('execute --json is one document', () => {
  it.each([
    ['rows', read('development'), 0, { execution: { status: 'succeeded' }, results: [{ row_count: 2 }] }],
    [
      'a change',
      ['execute', 'update orders set status = status', '-t', 'app/development'],
      0,
      { results: [{ affected_rows: 2 }] },
    ],
    [
      'pending',
      [...change(4712, 'json'), '--no-wait'],
      4,
      { request: { status: 'pending' }, execution: null, results: [] },
    ],
    [
      'timed out',
      [...change(4712, 'json, in time'), '--wait=1s'],
      4,
      { request: { status: 'pending' }, execution: null },
    ],
    [
      'denied',
      ['execute', 'grant select on orders to public', '-t', 'app/development'],
      3,
      { error: { code: 'no_matching_workflow', status: 403 } },
    ],
    [
      'failed in the database',
      ['execute', 'select 1 / 0', '-t', 'app/development'],
      6,
      { execution: { status: 'failed', effect: 'rolled_back' }, error: { code: 'database_error' } },
    ],
  ] as const)('%s', async (_, argv, exit, document) => {
    const ended = await office.alice.run([...argv, '--json'])
    expect(JSON.parse(ended.stdout)).toMatchObject(document)
    expect(ended.exit).toBe(exit)
    expect('error' in JSON.parse(ended.stdout)).toBe('error' in document)
  })
})

describe('after an agent died when it had sent COMMIT', () => {
  it('the outcome is unknown, the request is blocked, and both are said with what to look at', async () => {
    const clock = createShiftedClock()
    await using stack = await startTestStack({
      schema: SCHEMA,
      server: { overrides: { clock } },
      agent: { killPoint: 'committed' },
    })
    await using alice = await createDesk({ TWINLOCK_SERVER: stack.server.url, TWINLOCK_TOKEN: stack.alice.token })
    const asked = alice.run(['execute', 'delete from orders', '-t', 'app/development'])
    expect(await stack.agent.process.ended).toBe('SIGKILL')
    clock.shift(LEASE_MS)
    await sweep(stack.server.server.ctx)
    expect(await asked).toMatchObject({ exit: 7, stderr: expect.stringMatching(/^outcome unknown: agent test-agent/m) })
    for (const argv of [
      ['run', '1'],
      ['request', 'cancel', '1'],
    ]) {
      const { exit, stderr } = await alice.run(argv)
      expect(exit).toBe(7)
      expect(stderr).toContain('The outcome of #1 is unknown')
      expect(stderr).toContain('stays blocked until the agent or the database tells')
      expect(stderr).toContain('twinlock request show 1\n')
    }
    expect((await alice.run(['request', 'show', '1'])).stdout).toContain('not resolved: nobody can say yet')

    await using _ = await stack.startAgent({ stateDir: stack.agent.stateDir })
    await expect
      .poll(async () => (await alice.run(['request', 'show', '1'])).stdout, { timeout: 20_000 })
      .toMatch(/lost at .*\n.*resolved: succeeded at .*; committed/)
    expect(await stack.development.query('select * from orders')).toEqual([])
  })
})

describe('the audit log', () => {
  it('is intact; with one edited row it is not, and the row is named', async () => {
    const intact = await office.admin.run(['audit', 'verify'])
    expect(intact).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^audit log {3}\d+ records, chain intact/) })
    expect(await office.alice.run(['audit', 'verify'])).toMatchObject({ exit: 3 })
    const { seq, undo } = editOneRow(join(office.admin.folder, 'twinlock-state', 'twinlock.db'))
    try {
      const { exit, stdout } = await office.admin.run(['audit', 'verify'])
      expect(stdout).toContain(`NOT INTACT at record #${seq}`)
      expect(exit).toBe(1)
    } finally {
      undo()
    }
    expect(await office.admin.run(['audit', 'verify'])).toMatchObject({ exit: 0 })
  })
})

/** What somebody with the server's disk can do: the database's own rule against it goes first. */
function editOneRow(file: string): { seq: number; undo: () => void } {
  const database = new DatabaseSync(file, { timeout: 5000 })
  const rules = database
    .prepare("select name, sql from sqlite_master where type = 'trigger' and tbl_name = 'audit_records'")
    .all() as { name: string; sql: string }[]
  const row = database
    .prepare(`select seq, body from audit_records where body like '%"bob"%' order by seq limit 1`)
    .get() as { seq: number; body: string }
  const write = (body: string) => {
    for (const { name } of rules) database.exec(`drop trigger ${name}`)
    database.prepare('update audit_records set body = ? where seq = ?').run(body, row.seq)
    for (const { sql } of rules) database.exec(sql)
  }
  write(row.body.replaceAll('"bob"', '"eve"'))
  return {
    seq: row.seq,
    undo() {
      write(row.body)
      database.close()
    },
  }
}
