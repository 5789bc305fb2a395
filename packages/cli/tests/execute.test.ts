import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, api, type ExecutionView, type RequestView } from '@twinlock/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'
import { APPROVAL, EXECUTION_ID, executionView, pendingRequest, requestView, section, USERS } from './sample-views.ts'

const SELECT = ['execute', 'select id, name from users', '-t', 'app/production']

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

/** A server that lets everything through and answers with these. */
function playRun(request: RequestView, execution: ExecutionView, result: readonly string[] = []): void {
  server.play(api.requests.create, () => request)
  server.play(api.requests.get, () => request)
  server.play(api.requests.execute, () =>
    executionView({ status: 'queued', effect: null, statements: [], result: 'none' }),
  )
  server.play(api.executions.get, () => execution)
  server.playStream(api.executions.result, () => ({ stream: result }))
}

const ROWS = section(1, USERS.columns, USERS.rows)

describe('what runs at once', () => {
  test('prints its rows on stdout and the summary on stderr, and exits 0', async () => {
    playRun(requestView(), executionView(), ['\n', ROWS])
    const { exit, stdout, stderr } = await desk.run(SELECT)
    expect(stdout).toBe('id | name\n---+------\n 1 | alice\n20 | NULL\n')
    expect(stderr).toBe('2 rows   41 ms   agent prod-1\n')
    expect(exit).toBe(0)
    expect(server.calls[0]?.body).toEqual({
      database: 'app',
      environment: 'production',
      sql: 'select id, name from users',
      start: 'manual',
    })
    expect(server.calls[0]?.authorization).toBe('Bearer twl_user_secret')
  })

  test.each([
    ['csv', 'id,name\r\n1,alice\r\n20,\r\n'],
    ['jsonl', '{"id":"1","name":"alice"}\n{"id":"20","name":null}\n'],
    ['vertical', '-[ row 1 ]-\nid   | 1\nname | alice\n-[ row 2 ]-\nid   | 20\nname | NULL\n'],
  ])('as %s', async (format, expected) => {
    playRun(requestView(), executionView(), [ROWS])
    const { exit, stdout } = await desk.run([...SELECT, '-o', format])
    expect(stdout).toBe(expected)
    expect(exit).toBe(0)
  })

  test('as --json is one document with request, execution and results', async () => {
    playRun(requestView(), executionView(), [ROWS])
    const { exit, stdout, stderr } = await desk.run([...SELECT, '--json'])
    const document = JSON.parse(stdout)
    expect(document.request.number).toBe(1042)
    expect(document.execution.agent).toBe('prod-1')
    expect(document.results).toEqual([
      { statement: 1, columns: USERS.columns, rows: USERS.rows, row_count: 2, affected_rows: null, truncated: false },
    ])
    expect(document).not.toHaveProperty('error')
    expect(stderr).toBe('')
    expect(exit).toBe(0)
  })

  test('several statements each print their result and say what they did', async () => {
    const execution = executionView({
      effect: 'committed',
      statements: [
        { status: 'succeeded', affected_rows: 1, row_count: null },
        { status: 'succeeded', affected_rows: null, row_count: 2 },
      ],
    })
    playRun(requestView(), execution, [section(1, [], [], { affected_rows: 1 }), section(2, USERS.columns, USERS.rows)])
    const { exit, stdout, stderr } = await desk.run(SELECT)
    expect(stdout).toContain('id | name\n')
    expect(stderr).toBe('statement 1: 1 row affected\nstatement 2: 2 rows\n2 statements   41 ms   agent prod-1\n')
    expect(exit).toBe(0)
  })

  test('a change says how many rows it affected', async () => {
    const statements = [{ status: 'succeeded' as const, affected_rows: 1, row_count: null }]
    playRun(requestView(), executionView({ effect: 'committed', statements }), [
      section(1, [], [], { affected_rows: 1 }),
    ])
    const { exit, stdout, stderr } = await desk.run(SELECT)
    expect({ exit, stdout, stderr }).toEqual({ exit: 0, stdout: '', stderr: '1 row affected   41 ms   agent prod-1\n' })
  })

  test('SQL comes from stdin or a file byte for byte', async () => {
    playRun(requestView(), executionView(), [ROWS])
    const sql = "select 1;\r\n-- ünïcode\n select '\\' ;\n"
    await writeFile(join(desk.folder, 'a.sql'), sql)
    await desk.run(['execute', '-f', '-', '-t', 'app/production'], { stdin: sql })
    await desk.run(['execute', '-f', 'a.sql', '-t', 'app/production'])
    const sent = server.calls.flatMap(({ endpoint, body }) =>
      endpoint === api.requests.create ? [(body as { sql: string }).sql] : [],
    )
    expect(sent).toEqual([sql, sql])
  })

  test('an escape sequence in a value does not reach the terminal, as table or JSON', async () => {
    const evil = '\u001b]0;owned\u0007\u009b2J\u202egnp.exe'
    playRun(requestView(), executionView(), [section(1, [{ name: 'x\u001b[2J', type: 'text' }], [[evil], ['ok']])])
    for (const format of ['table', 'vertical', 'json', 'jsonl']) {
      const { stdout, stderr } = await desk.run([...SELECT, '-o', format])
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
      expect(stdout).toContain('owned')
    }
  })
})

test('whatever a server says while somebody waits, it does not act on the terminal', async () => {
  const evil = 'x\u001b[2J\u009b1A\r\u202e'
  const waiting = { code: 'no_agent', message: evil } as const
  playRun(
    pendingRequest(),
    executionView({ agent: evil, cancel: { by: evil, at: '2026-11-22T12:05:00Z', reason: evil } }),
    [ROWS],
  )
  server.play(api.requests.get, () =>
    pendingRequest({
      status: 'approved',
      requester: evil,
      comments: [{ by: evil, text: `a\n${evil}`, at: '2026-11-22T12:05:00Z' }],
      reviews: [{ ...APPROVAL, comment: evil }],
    }),
  )
  server.play(api.requests.execute, () =>
    executionView({ status: 'queued', effect: null, agent: null, waiting, statements: [], result: 'none' }),
  )
  const { exit, stderr } = await desk.run([...SELECT, '--wait'])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  expect(stderr).toContain('#1042 is queued: x<U+001B>[2J<U+009B>1A<U+000D><U+202E>\n')
  expect(exit).toBe(0)
})

describe('what does not run', () => {
  test('denied by policy: the code, why, what to do; exit 3', async () => {
    server.play(
      api.requests.create,
      () => new AppError('no_matching_workflow', { detail: 'no workflow covers ddl on app/production' }),
    )
    const { exit, stdout, stderr } = await desk.run(SELECT)
    expect(stdout).toBe('')
    expect(stderr).toBe(
      'denied: no_matching_workflow\n' +
        '  no workflow covers ddl on app/production\n' +
        '  Ask an administrator to add a workflow for this target and operation.\n',
    )
    expect(exit).toBe(3)
  })

  test('denied with --json: one document with the same; exit 3', async () => {
    server.play(api.requests.create, () => new AppError('reason_required'))
    const { exit, stdout, stderr } = await desk.run([...SELECT, '--json'])
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'reason_required',
      status: 403,
      hint: 'Say why, with --reason.',
    })
    expect(stderr).toBe('')
    expect(exit).toBe(3)
  })

  test.each([
    ['rejected', 5],
    ['expired', 5],
    ['cancelled', 5],
  ] as const)('a request that is %s while somebody waits exits %i', async (status, expected) => {
    server.play(api.requests.create, () => pendingRequest())
    server.play(api.requests.get, () => pendingRequest({ status }))
    const { exit, stderr } = await desk.run([...SELECT, '--wait'])
    expect(stderr).toContain(`${status}: #1042 is ${status}`)
    expect(exit).toBe(expected)
  })

  test('a server that is not there: exit 1, and one JSON document for those who ask for it', async () => {
    const env = { TWINLOCK_SERVER: 'http://127.0.0.1:9' }
    const human = await desk.run(SELECT, { env })
    expect(human.stdout).toBe('')
    expect(human.stderr).toMatch(
      /^error: http:\/\/127\.0\.0\.1:9 cannot be reached: .+\n {2}Check the address and the network\.\n$/,
    )
    expect(human.exit).toBe(1)
    const json = await desk.run([...SELECT, '--json'], { env })
    expect(JSON.parse(json.stdout).error.code).toBe('server_unreachable')
    expect({ exit: json.exit, stderr: json.stderr }).toEqual({ exit: 1, stderr: '' })
  })

  test.each([
    ['no target', ['execute', 'select 1'], /no database and no environment is given/],
    ['no SQL', ['execute', '-t', 'app/production'], /There is no SQL to run/],
    ['the SQL given twice', [...SELECT, '-f', '-'], /given twice/],
    ['a wait that is no duration', [...SELECT, '--wait=soon'], /--wait=soon is not a duration/],
    ['an unknown option', [...SELECT, '--resaon', 'x'], /unknown option '--resaon'\.\n {2}Did you mean --reason\?/],
    ['an unknown command', ['exceute'], /unknown command 'exceute'\.\n {2}Did you mean: twinlock execute\n/],
    ['unquoted SQL', ['execute', 'select', '1', '-t', 'app/production'], /Quote a value/],
  ])('%s is a usage error: exit 2 and nothing is sent', async (_, argv, message) => {
    const { exit, stdout, stderr } = await desk.run(argv)
    expect(stderr).toMatch(message)
    expect({ exit, stdout, calls: server.calls.length }).toEqual({ exit: 2, stdout: '', calls: 0 })
  })

  test('a usage error is JSON, too, for those who ask for it', async () => {
    const { exit, stdout } = await desk.run(['execute', '--frobnicate', '--json'])
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'usage', detail: "unknown option '--frobnicate'." })
    expect(exit).toBe(2)
  })
})

describe('what needs approval', () => {
  test('without a terminal: says what it waits for and how to go on, exit 4', async () => {
    server.play(api.requests.create, () => pendingRequest())
    const { exit, stdout, stderr } = await desk.run(SELECT)
    expect(stdout).toBe('')
    expect(stderr).toBe(
      '#1042  dml on app/production\n' +
        'pending: waiting for 1 approval from role:admin (bob, carol)\n' +
        '  Go on:    twinlock run 1042\n' +
        '  Withdraw: twinlock cancel 1042\n',
    )
    expect(exit).toBe(4)
  })

  test('pending with --json: one document without results, exit 4', async () => {
    server.play(api.requests.create, () => pendingRequest())
    const { exit, stdout, stderr } = await desk.run([...SELECT, '--json'])
    expect(JSON.parse(stdout)).toEqual({ request: pendingRequest(), execution: null, results: [] })
    expect({ exit, stderr }).toEqual({ exit: 4, stderr: '' })
  })

  test('with --wait it waits, says who approved, runs it itself and prints', async () => {
    playRun(pendingRequest(), executionView(), [ROWS])
    server.play(api.requests.get, (_, times) =>
      times < 2
        ? pendingRequest()
        : pendingRequest({ status: 'approved', approved_via: 'workflow', reviews: [APPROVAL] }),
    )
    const { exit, stdout, stderr } = await desk.run([...SELECT, '--wait'])
    expect(stderr).toBe(
      '#1042  dml on app/production\n' +
        'waiting for 1 approval from role:admin (bob, carol)\n' +
        'approved by bob: "checked the ticket"\n' +
        '2 rows   41 ms   agent prod-1\n',
    )
    expect(stdout).toContain('20 | NULL')
    expect(exit).toBe(0)
  })

  test('--wait=1s ends after a second: exit 4', async () => {
    server.play(api.requests.create, () => pendingRequest())
    server.play(api.requests.get, () => pendingRequest())
    const { exit, stderr } = await desk.run([...SELECT, '--wait=1s'])
    expect(stderr).toContain('timed out; still pending: waiting for 1 approval')
    expect(exit).toBe(4)
  })

  test('--on-approval joins the execution that the approval started', async () => {
    const latest = { id: EXECUTION_ID, status: 'succeeded', effect: 'none' } as const
    playRun(pendingRequest({ start: 'on_approval' }), executionView(), [ROWS])
    server.play(api.requests.get, () =>
      pendingRequest({ status: 'completed', start: 'on_approval', reviews: [APPROVAL], latest_execution: latest }),
    )
    const { exit } = await desk.run([...SELECT, '--on-approval', '--wait'])
    expect(exit).toBe(0)
    expect(server.calls.map(({ endpoint }) => endpoint.name)).not.toContain(api.requests.execute.name)
  })

  test('Ctrl-C while it waits: the request stays, how to go on; exit 130', async () => {
    server.play(api.requests.create, () => pendingRequest())
    server.play(api.requests.get, () => 'hang')
    const { exit, stderr } = await desk.run([...SELECT, '--wait'], { interruptAfter: server.called(api.requests.get) })
    expect(stderr).toContain('#1042 stays and still waits for approval.\n')
    expect(stderr).toContain('twinlock run 1042')
    expect(stderr).toContain('twinlock cancel 1042')
    expect(exit).toBe(130)
  })

  test('Ctrl-C while it runs: it goes on, and where its result will be; exit 130', async () => {
    playRun(requestView(), executionView())
    server.play(api.requests.execute, () => executionView({ status: 'running', effect: null, result: 'none' }))
    server.play(api.executions.get, () => 'hang')
    const { exit, stderr } = await desk.run(SELECT, { interruptAfter: server.called(api.executions.get) })
    expect(stderr).toBe(
      '#1042 goes on without you: it was running when you left.\n' +
        '  Its result: twinlock result 1042\n' +
        '  Stop it:    twinlock cancel 1042\n',
    )
    expect(exit).toBe(130)
  })
})

describe('what goes wrong while it runs', () => {
  const dbError = {
    code: 'database_error',
    message: 'relation "userz" does not exist',
    statement: 1,
    position: 22,
    sqlstate: '42P01',
    detail: null,
    hint: 'Perhaps you meant "users".',
  }

  test('failed in the database: what, where, what it did; exit 6', async () => {
    const statements = [{ status: 'failed' as const, affected_rows: null, row_count: null }]
    playRun(
      requestView(),
      executionView({ status: 'failed', effect: 'rolled_back', error: dbError, statements, result: 'none' }),
    )
    const { exit, stderr } = await desk.run(SELECT)
    expect(stderr).toBe(
      'failed: database_error (character 22, SQLSTATE 42P01)\n' +
        '  relation "userz" does not exist\n' +
        '  hint: Perhaps you meant "users".\n' +
        '  rolled back: nothing changed\n',
    )
    expect(exit).toBe(6)
    const json = await desk.run([...SELECT, '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      error: { code: 'database_error' },
      execution: { effect: 'rolled_back' },
    })
    expect({ exit: json.exit, stderr: json.stderr }).toEqual({ exit: 6, stderr: '' })
  })

  test('refused by the agent: nothing ran; exit 1', async () => {
    const error = {
      ...dbError,
      code: 'operation_outside_ceiling',
      message: 'dml is not allowed here',
      sqlstate: null,
      position: null,
      hint: null,
    }
    playRun(requestView(), executionView({ status: 'failed', effect: 'none', error, statements: [], result: 'none' }))
    const { exit, stderr } = await desk.run(SELECT)
    expect(stderr).toContain('  dml is not allowed here\n  nothing ran: nothing changed\n')
    expect(exit).toBe(1)
  })

  test('lost: nobody knows, and it is not to be repeated; exit 7', async () => {
    const hint = 'The agent reports what it knows when it is back.'
    const lost = executionView({
      status: 'lost',
      effect: null,
      error: { ...dbError, code: 'agent_lost', message: 'The agent stopped answering', sqlstate: null, hint },
      statements: [],
      result: 'none',
      lost_at: '2026-11-22T12:03:11Z',
    })
    playRun(requestView(), lost)
    const { exit, stderr } = await desk.run(SELECT)
    expect(stderr).toBe(
      'outcome unknown: agent prod-1 stopped answering while it ran\n' +
        `  ${hint}\n` +
        '  Do not repeat it before you know. What is found out is shown by: twinlock request show 1042\n',
    )
    expect(exit).toBe(7)
  })

  test('lost before: the request stays blocked, and where to look; exit 7', async () => {
    const latest = { id: EXECUTION_ID, status: 'lost', effect: null } as const
    server.play(api.requests.get, () => requestView({ latest_execution: latest }))
    server.play(api.requests.execute, () => new AppError('execution_open'))
    const { exit, stderr } = await desk.run(['run', '1042'])
    expect(stderr).toContain('The outcome of #1042 is unknown')
    expect(stderr).toContain('The request stays blocked until the agent or the database tells what took effect.')
    expect(stderr).toContain('twinlock request show 1042')
    expect(stderr).not.toMatch(/wait for it/i)
    expect(exit).toBe(7)
    const json = await desk.run(['run', '1042', '--json'])
    expect(JSON.parse(json.stdout).error.code).toBe('outcome_unknown')
    expect({ exit: json.exit, stderr: json.stderr }).toEqual({ exit: 7, stderr: '' })
  })

  test('queued for long: says once why that may be, and exits 4 when the wait is over', async () => {
    playRun(
      requestView(),
      executionView({ status: 'queued', effect: null, agent: null, statements: [], result: 'none' }),
    )
    const { exit, stderr } = await desk.run([...SELECT, '--wait=5s'])
    expect(stderr).toBe(
      '#1042 is still queued: perhaps no agent serves app/production right now, or all that do are busy\n' +
        '  Start one (twinlock-agent --config FILE), or look at the log of the one that should run.\n' +
        'error: Timed out waiting: #1042 is still queued and goes on without you.\n' +
        '  Its result: twinlock result 1042\n',
    )
    expect(exit).toBe(4)
  })

  test.each([
    ['a statement without its end', ROWS.split('\n').slice(0, 2).join('\n')],
    ['no statement at all', ''],
    ['rows that were changed on the way', ROWS.replace('alice', 'mallory')],
    ['something that is no result', 'hello\n'],
  ])('an incomplete result, %s: what arrived is printed; exit 1', async (_, result) => {
    playRun(requestView(), executionView(), [result])
    const human = await desk.run(SELECT)
    expect(human.stderr).toContain('What was printed is not the whole result.')
    expect(human.exit).toBe(1)
    if (result.includes('alice')) expect(human.stdout).toContain('alice')
    const json = await desk.run([...SELECT, '--json'])
    expect(JSON.parse(json.stdout).error.code).toBe('result_incomplete')
    expect(json.exit).toBe(1)
  })
})
