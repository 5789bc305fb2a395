import { AppError, api, type ExecutionView } from '@twinlock/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'
import { APPROVAL, EXECUTION_ID, executionView, pendingRequest, requestView } from './sample-views.ts'
import { runInTerminal } from './terminal.ts'

let server: PlayServer
let desk: Desk
let env: Record<string, string>
beforeEach(async () => {
  server = await startPlayServer()
  env = { TWINLOCK_SERVER: server.url, TWINLOCK_TOKEN: 'twl_user_secret' }
  desk = await createDesk(env)
  server.play(api.requests.get, () => pendingRequest())
  server.play(api.requests.approve, () => requestView({ reviews: [APPROVAL] }))
})
afterEach(async () => {
  await desk[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const approvals = () => server.calls.filter(({ endpoint }) => endpoint === api.requests.approve)
const QUESTION = 'Approve step 1 of 1? [y/N] '

describe('approve', () => {
  test('without a terminal and without --yes approves nothing: exit 2', async () => {
    const { exit, stderr } = await desk.run(['approve', '1042'], { stdin: 'y\n' })
    expect(stderr).toBe(
      'error: Nothing was approved: without a terminal there is nobody to ask.\n' +
        '  If whoever runs this has read the request, add --yes.\n',
    )
    expect({ exit, calls: server.calls.length }).toEqual({ exit: 2, calls: 0 })
  })

  test('with --yes shows the request and approves the step it showed, with the comment', async () => {
    const { exit, stdout, stderr } = await desk.run(['approve', '#1042', '--yes', '-c', 'checked the ticket'])
    expect(stderr).toContain('#1042  alice asks to run dml on app/production, ')
    expect(stderr).toContain(
      "  sql       update orders\n            set status = 'cancelled'\n            where id = 4711\n",
    )
    expect(stderr).toContain('  reason    INC-204: duplicate order\n')
    expect(stderr).toContain('UPDATE changes rows')
    expect(stderr).toContain('  limits    30 s a statement, 10,000 rows; expires in ')
    expect(stderr).toContain('  digest    7f3a 09c1 … c901\n')
    expect(stderr).toMatch(/approved\. alice can run it now: twinlock run 1042\n$/)
    expect(stdout).toBe('')
    expect(approvals().map(({ params, body }) => ({ params, body }))).toEqual([
      { params: { id: pendingRequest().id }, body: { step: 1, comment: 'checked the ticket' } },
    ])
    expect(exit).toBe(0)
  })

  test("names the database server's version, where it is known", async () => {
    const agent = { id: 'prod-1', online: true, last_seen_at: null, status: 'ok' as const, code: null }
    server.play(api.targets.list, () => ({
      items: [
        {
          database: 'app',
          environment: 'production',
          dialect: 'postgresql' as const,
          paused: null,
          queued: 0,
          running: 0,
          agents: [{ ...agent, server_version: 'PostgreSQL 16.4' }],
        },
      ],
    }))
    const { stderr } = await desk.run(['approve', '1042', '--yes'])
    expect(stderr).toContain('#1042  alice asks to run dml on app/production (PostgreSQL 16.4), ')
  })

  test.each(['y\n', 'YES\n'])('in a terminal asks, and %j approves', async (answer) => {
    const { exit } = await runInTerminal(['approve', '1042'], {
      home: desk.folder,
      env,
      answer: { to: QUESTION, with: answer },
    })
    expect({ exit, approvals: approvals().length }).toEqual({ exit: 0, approvals: 1 })
  })

  test.each(['\n', 'n\n', 'yolo\n', ' \n'])('in a terminal %j approves nothing', async (answer) => {
    const { exit, stderr } = await runInTerminal(['approve', '1042'], {
      home: desk.folder,
      env,
      answer: { to: QUESTION, with: answer },
    })
    expect(stderr).toContain('nothing was approved')
    expect({ exit, approvals: approvals().length }).toEqual({ exit: 1, approvals: 0 })
  })

  test('Ctrl-D at the question approves nothing: exit 130', async () => {
    const { exit } = await runInTerminal(['approve', '1042'], {
      home: desk.folder,
      env,
      answer: { to: QUESTION, with: '\u0004' },
    })
    expect({ exit, approvals: approvals().length }).toEqual({ exit: 130, approvals: 0 })
  })

  test('hidden and reordered characters in the SQL are made visible', async () => {
    server.play(api.requests.get, () => pendingRequest({ sql: 'select 1 --\u202e;x\u001b[8m\u200b\u00a0\rdrop' }))
    const { stderr } = await desk.run(['approve', '1042', '--yes'])
    expect(stderr).toContain('select 1 --<U+202E>;x<U+001B>[8m<U+200B><U+00A0><U+000D>drop\n')
  })

  test('a colour or a line of its own in reason, names or comments stays text', async () => {
    server.play(api.requests.get, () => pendingRequest({ reason: 'ok\u001b[2J\rforged', requester: 'al\u001b[1mice' }))
    const { stderr } = await desk.run(['approve', '1042', '--yes'])
    expect(stderr).toContain('ok<U+001B>[2J<U+000D>forged')
    expect(stderr).not.toContain('\u001b')
  })

  test('SQL that cannot be printed is neither shown nor approved', async () => {
    server.play(api.requests.get, () => pendingRequest({ sql: "select '\ud800'" }))
    const { exit, stderr } = await desk.run(['approve', '1042', '--yes'])
    expect(stderr).toContain('cannot be shown as it is: it holds broken Unicode')
    expect({ exit, approvals: approvals().length }).toEqual({ exit: 1, approvals: 0 })
  })

  test("one's own request: exit 3", async () => {
    server.play(api.requests.approve, () => new AppError('self_approval'))
    const { exit, stderr } = await desk.run(['approve', '1042', '--yes'])
    expect(stderr).toContain('denied: self_approval\n  Nobody approves their own request\n')
    expect(exit).toBe(3)
  })

  test('a request that is no longer pending: exit 1, nothing is sent', async () => {
    server.play(api.requests.get, () => requestView())
    const { exit, stderr } = await desk.run(['approve', '1042', '--yes'])
    expect(stderr).toContain('#1042 is approved: there is nothing to decide\n')
    expect({ exit, approvals: approvals().length }).toEqual({ exit: 1, approvals: 0 })
  })
})

test('reject sends the step and the comment', async () => {
  server.play(api.requests.reject, () => pendingRequest({ status: 'rejected' }))
  const { exit, stderr } = await desk.run(['reject', '1042', '--comment', 'wrong number'])
  expect(server.calls.at(-1)?.body).toEqual({ step: 1, comment: 'wrong number' })
  expect(stderr).toBe('#1042  dml on app/production by alice: rejected\n')
  expect(exit).toBe(0)
})

test('request cancel withdraws', async () => {
  server.play(api.requests.cancel, () => pendingRequest({ status: 'cancelled' }))
  const { exit, stderr } = await desk.run(['request', 'cancel', '1042'])
  expect(stderr).toBe('#1042  dml on app/production: cancelled\n')
  expect(exit).toBe(0)
})

test.each([
  ['running', /an execution is running\n {2}Stop it: .* cancel 1042\n .*--also-cancel-execution\n/, 1],
  ['lost', /The outcome of #1042 is unknown: .* stays blocked until .*\n.*twinlock request show 1042\n/, 7],
] as const)('request cancel while an execution is %s says what is in the way', async (status, says, expected) => {
  const latest = { id: EXECUTION_ID, status, effect: null }
  server.play(api.requests.cancel, () => new AppError('execution_open', { detail: 'an execution is running' }))
  server.play(api.requests.get, () => requestView({ latest_execution: latest }))
  const { exit, stderr } = await desk.run(['request', 'cancel', '1042'])
  expect(stderr).toMatch(says)
  expect(exit).toBe(expected)
})

describe('cancel', () => {
  const latest = { id: EXECUTION_ID, status: 'running', effect: null } as const
  const asked = { by: 'alice', at: '2026-11-22T12:05:00Z', reason: null }
  const statements = [{ status: 'failed' as const, affected_rows: null, row_count: null }]
  const running = executionView({ status: 'running', effect: null, statements: [], result: 'none' })

  test.each<[string, Partial<ExecutionView>, RegExp, number]>([
    [
      'rolled back',
      { status: 'cancelled', effect: 'rolled_back' },
      /^#1042 cancelled {3}rolled back: nothing changed {3}agent prod-1\n$/,
      0,
    ],
    [
      'not begun',
      { status: 'cancelled', effect: 'none', agent: null },
      /^#1042 cancelled {3}nothing ran: nothing changed\n$/,
      0,
    ],
    [
      'committed',
      { status: 'succeeded', effect: 'committed' },
      /^error: too late: #1042 had ended before; committed\n/,
      1,
    ],
    ['partly done', { status: 'cancelled', effect: 'partial' }, /^#1042 cancelled {3}part of it took effect/, 0],
    ['lost', { status: 'lost', effect: null }, /^outcome unknown: agent prod-1 stopped answering/, 7],
  ])('what runs is stopped, and the truth is told: %s', async (_, changes, says, expected) => {
    server.play(api.requests.get, () => requestView({ latest_execution: latest }))
    server.play(api.executions.cancel, () => ({ ...running, cancel: asked }))
    server.play(api.executions.get, () => executionView({ statements, result: 'none', cancel: asked, ...changes }))
    const { exit, stdout, stderr } = await desk.run(['cancel', '1042', '--reason', 'too slow'])
    expect(stderr).toMatch(says)
    expect({ exit, stdout }).toEqual({ exit: expected, stdout: '' })
    expect(server.calls.find(({ endpoint }) => endpoint === api.executions.cancel)?.body).toEqual({
      reason: 'too slow',
    })
    const json = await desk.run(['cancel', '1042', '--json'])
    expect(JSON.parse(json.stdout).execution.status).toBe(changes.status)
    expect('error' in JSON.parse(json.stdout)).toBe(expected !== 0)
    expect(json).toMatchObject({ exit: expected, stderr: '' })
  })

  test('a request that does not run is withdrawn', async () => {
    server.play(api.requests.cancel, () => pendingRequest({ status: 'cancelled' }))
    const { exit, stderr } = await desk.run(['cancel', '1042', '--reason', 'not needed'])
    expect(stderr).toBe('#1042  dml on app/production: cancelled\n')
    expect(server.calls.at(-1)?.body).toEqual({ reason: 'not needed' })
    expect(exit).toBe(0)
  })

  test('what ended a moment before the cancel arrived is said to have ended', async () => {
    server.play(api.requests.get, () => requestView({ latest_execution: latest }))
    server.play(api.executions.cancel, () => new AppError('execution_not_cancellable'))
    server.play(api.executions.get, () => executionView({ effect: 'committed' }))
    const { exit, stderr } = await desk.run(['cancel', '1042'])
    expect(stderr).toContain('too late: #1042 had ended before; committed')
    expect(exit).toBe(1)
  })

  test('--no-wait asks and goes: exit 4 while it still runs', async () => {
    server.play(api.requests.get, () => requestView({ latest_execution: latest }))
    server.play(api.executions.cancel, () => ({ ...running, cancel: asked }))
    const { exit, stderr } = await desk.run(['cancel', '1042', '--no-wait'])
    expect(stderr).toContain('#1042 is still running: it ends once its agent has heard of it.')
    expect(exit).toBe(4)
  })

  test('request cancel --also-cancel-execution withdraws, stops and tells what was rolled back', async () => {
    server.play(api.requests.cancel, () => requestView({ status: 'cancelled', latest_execution: latest }))
    server.play(api.executions.get, () =>
      executionView({ status: 'cancelled', effect: 'rolled_back', statements, result: 'none', cancel: asked }),
    )
    const { exit, stderr } = await desk.run(['request', 'cancel', '1042', '--also-cancel-execution'])
    expect(server.calls[0]?.body).toEqual({ also_cancel_execution: true })
    expect(stderr).toContain('rolled back: nothing changed')
    expect(exit).toBe(0)
  })
})

describe('request show', () => {
  test('tells that an execution was lost and what was found out', async () => {
    const latest = { id: EXECUTION_ID, status: 'succeeded', effect: 'committed' } as const
    server.play(api.requests.get, () =>
      requestView({ status: 'completed', reviews: [APPROVAL], latest_execution: latest }),
    )
    server.play(api.requests.executions, () => ({
      items: [
        executionView({
          effect: 'committed',
          lost_at: '2026-11-22T12:03:11Z',
          finished_at: '2026-11-22T12:04:02Z',
          statements: [{ status: 'succeeded', affected_rows: 214, row_count: null }],
        }),
      ],
    }))
    const { exit, stdout, stderr } = await desk.run(['request', 'show', '1042'])
    expect(stdout).toContain('12:03:11 UTC on agent prod-1: it stopped answering while it ran\n')
    expect(stdout).toMatch(/resolved: succeeded at .*12:04:02 UTC, 41 ms; committed; 214 rows affected\n/)
    expect(stdout).toContain('approved by bob: "checked the ticket"')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
  })

  test('tells of comments, versions, who cancelled and why, every limit, and a result that is gone', async () => {
    const asked = { by: 'carol', at: '2026-11-22T12:05:00Z', reason: 'INC-204' }
    server.play(api.requests.get, () =>
      requestView({
        status: 'cancelled',
        comments: [{ by: 'bob', text: 'why not\nin one?\u001b[2J', at: '2026-11-22T12:01:00Z' }],
        replaces: 1040,
        replaced_by: 1043,
        cancelled: { by: 'alice', reason: 'edited' },
        frozen: true,
      }),
    )
    server.play(api.requests.executions, () => ({
      items: [executionView({ cancel: asked, result: 'discarded', result_reason: 'quota' })],
    }))
    const { stdout } = await desk.run(['request', 'show', '1042'])
    for (const part of [
      '  comments  bob: why not\n              in one?<U+001B>[2J\n',
      '  replaces  #1040\n',
      '  replaced  by #1043\n',
      '  cancelled by alice: "edited"\n',
      '  frozen: alice is suspended',
      '5 s for a lock, 100 MiB of result, 16 MiB a value\n',
      'cancel asked by carol: "INC-204"',
      "its result is gone: the server's room for results is used up\n",
      'PostgreSQL 18.4\n',
    ])
      expect(stdout).toContain(part)
  })

  test('says what a pending request waits for', async () => {
    server.play(api.requests.executions, () => ({ items: [] }))
    const { stdout } = await desk.run(['request', 'show', '1042'])
    expect(stdout).toContain('  waits for 1 approval from role:admin (bob, carol)\n')
  })
})

test('request list reads on until the limit, and is data', async () => {
  const all = Array.from({ length: 230 }, (_, i) => requestView({ number: 230 - i }))
  server.play(api.requests.list, ({ query }) => {
    const from = Number(query.get('cursor') ?? 0)
    const to = from + Number(query.get('limit'))
    return { items: all.slice(from, to), next_cursor: to < all.length ? String(to) : null, version: 'v' }
  })
  const csv = await desk.run(['request', 'list', '-n', '220', '--status', 'approved', '-o', 'csv'])
  expect(csv.stdout.split('\r\n').length).toBe(222)
  expect(csv.stderr).toBe('there are more: --limit 440\n')
  const json = await desk.run(['request', 'ls', '--json', '-n', '2'])
  expect(JSON.parse(json.stdout).map(({ number }: { number: number }) => number)).toEqual([230, 229])
})

test('result prints the latest execution, and says when there is none', async () => {
  const missing = await desk.run(['result', '1042'])
  expect(missing.stderr).toContain('#1042 has not run\n')
  expect(missing.exit).toBe(1)
})

test('run says that a request has already run, and where its result is', async () => {
  server.play(api.requests.get, () => requestView({ status: 'completed' }))
  const { exit, stderr } = await desk.run(['run', '1042'])
  expect(stderr).toBe('error: #1042 has already run\n  Its result: twinlock result 1042\n')
  expect(exit).toBe(1)
})
