import { fileURLToPath } from 'node:url'
import { api, type ExecutionView, type RequestView } from '@twinlock/contract'
import { findTmux, openTerminal, type Terminal } from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'
import { executionView, pendingRequest, requestView, section, USERS } from './sample-views.ts'

const BIN = fileURLToPath(new URL('../bin/twinlock.js', import.meta.url))
const tmux = findTmux()
if (!tmux) console.warn('not run, because tmux cannot be had here: everything in terminal-tmux.test.ts')

let server: PlayServer
let desk: Desk
beforeEach(async () => {
  server = await startPlayServer()
  desk = await createDesk()
})
afterEach(async () => {
  await desk[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

function open(columns = 130, env: Record<string, string> = {}): Promise<Terminal> {
  return openTerminal({
    columns,
    rows: 24,
    cwd: desk.folder,
    env: { HOME: desk.folder, TWINLOCK_SERVER: server.url, TWINLOCK_TOKEN: 'twl_user_secret', ...env },
  })
}

/** Runs twinlock in the terminal; its exit code is shown when it has ended. */
const twinlock = (terminal: Terminal, line: string) =>
  terminal.type(`clear; ${process.execPath} ${BIN} ${line}; echo exit $?`)
const UPDATE = `execute "update orders set status = 'cancelled' where id = 4711" -t app/production -r INC-204`
const SELECT = 'execute "select id, name from users" -t app/production'
const running = executionView({ status: 'running', effect: null, statements: [], result: 'none' })

/** A server on which something is asked for and nobody decides. */
function playPending(): void {
  server.play(api.requests.create, () => pendingRequest())
  server.play(api.requests.get, () => 'hang')
}

/** A server on which something runs until it is cancelled, and then ends like this. */
function playRunning(ended: Partial<ExecutionView>): void {
  server.play(api.requests.create, () => requestView())
  server.play(api.requests.execute, () => running)
  server.play(api.executions.cancel, () => ({
    ...running,
    cancel: { by: 'alice', at: '2026-11-22T12:05:00Z', reason: null },
  }))
  server.play(api.executions.get, () =>
    server.calls.some(({ endpoint }) => endpoint === api.executions.cancel)
      ? executionView({ statements: [], result: 'none', ...ended })
      : 'hang',
  )
}

describe.skipIf(!tmux)('waiting for approval', () => {
  beforeEach(playPending)

  test('one line says for whom, how long, and what Ctrl-C does', async () => {
    await using terminal = await open()
    await twinlock(terminal, UPDATE)
    const screen = await terminal.shows(/ [1-9] s /)
    expect(screen).toMatch(
      /^#1042 {2}dml on app\/production\nwaiting for 1 approval from role:admin \(bob, carol\) {3}\d s {3}Ctrl-C asks: leave it or cancel it; later: twinlock run 1042$/,
    )
  })

  test('Ctrl-C, l: it stays, and how to go on; exit 130', async () => {
    await using terminal = await open()
    await twinlock(terminal, UPDATE)
    await terminal.shows('waiting for')
    await terminal.press('C-c')
    await terminal.shows('#1042 waits for approval\n  l leave it   c cancel it   w wait on')
    await terminal.press('l')
    const screen = await terminal.shows('exit')
    expect(screen).toContain(
      '#1042 stays and still waits for approval.\n  Go on:    twinlock run 1042\n  Withdraw: twinlock cancel 1042\nexit 130',
    )
    expect(screen).not.toContain('l leave it')
    expect(server.calls.map(({ endpoint }) => endpoint)).not.toContain(api.requests.cancel)
  })

  test('Ctrl-C twice leaves at once: exit 130', async () => {
    await using terminal = await open()
    await twinlock(terminal, UPDATE)
    await terminal.shows('waiting for')
    await terminal.press('C-c')
    await terminal.shows('w wait on')
    await terminal.press('C-c')
    await terminal.shows('exit 130')
  })

  test('Ctrl-C, c: the request is withdrawn; exit 5', async () => {
    server.play(api.requests.cancel, () => pendingRequest({ status: 'cancelled' }))
    await using terminal = await open()
    await twinlock(terminal, UPDATE)
    await terminal.shows('waiting for')
    await terminal.press('C-c')
    await terminal.shows('c cancel it')
    await terminal.press('c')
    expect(await terminal.shows('exit 5')).toContain('cancelled: #1042 is cancelled and cannot run any more.')
  })

  test('Ctrl-C, w: it goes on, and other keys do nothing', async () => {
    await using terminal = await open()
    await twinlock(terminal, UPDATE)
    await terminal.shows('waiting for')
    await terminal.press('C-c')
    await terminal.shows('w wait on')
    await terminal.press('Up')
    await terminal.press('x')
    await expect
      .poll(async () => {
        await terminal.press('w')
        return terminal.screen()
      })
      .toContain('Ctrl-C asks')
    expect(server.calls.map(({ endpoint }) => endpoint)).not.toContain(api.requests.cancel)
    await terminal.press('C-c')
    await terminal.shows('w wait on')
  })

  test('an approval that arrives during the question ends it', async () => {
    const approval = Promise.withResolvers<RequestView>()
    server.playLater(api.requests.get, approval.promise)
    server.play(api.requests.execute, () => executionView())
    server.playStream(api.executions.result, () => ({ stream: [section(1, USERS.columns, USERS.rows)] }))
    await using terminal = await open()
    await twinlock(terminal, UPDATE)
    await terminal.shows('waiting for')
    await terminal.press('C-c')
    await terminal.shows('w wait on')
    approval.resolve(requestView())
    const screen = await terminal.shows('exit 0')
    expect(screen).toContain('20 | NULL\n2 rows   41 ms   agent prod-1\nexit 0')
    expect(screen).not.toContain('w wait on')
  })

  test('in a narrow window the line is cut, and never wraps', async () => {
    await using terminal = await open(40)
    await twinlock(terminal, UPDATE)
    const screen = await terminal.shows(/ [1-9] s$/)
    expect(screen).toMatch(/^#1042 {2}dml on app\/production\nwaiting for 1 approval from role…+ {3}\d s$/)
    await terminal.press('C-c')
    await terminal.shows('#1042 waits for approval\n  l leave it   c cancel it   w wait on')
  })

  test('a window that changes its size while it waits keeps one waiting line', async () => {
    await using terminal = await open(130)
    // At the bottom of the window, where a prompt usually is.
    await terminal.type(`seq 30; ${process.execPath} ${BIN} ${UPDATE}`)
    await terminal.shows('Ctrl-C asks')
    for (const columns of [40, 100, 25, 130]) {
      await terminal.resize(columns, 24)
      await terminal.shows(columns < 130 ? /waiting for[^\n]* \d+ s$/ : 'later: twinlock run 1042')
      const all = await terminal.screen({ history: true })
      expect(all.match(/waiting/g)).toHaveLength(1)
      expect(all.match(/#1042 {2}dml/g)).toHaveLength(1)
    }
  })

  test('NO_COLOR has no colours, and TERM=dumb moves no cursor', async () => {
    await using plain = await open(100, { NO_COLOR: '1' })
    await twinlock(plain, 'request list')
    await plain.shows('exit 1')
    expect(await plain.screen({ styles: true })).not.toContain('\u001b[')
    await using coloured = await open(100)
    await twinlock(coloured, 'request list')
    await coloured.shows('exit 1')
    expect(await coloured.screen({ styles: true })).toContain('\u001b[31merror')

    await using dumb = await open()
    await dumb.type('export TERM=dumb')
    await twinlock(dumb, UPDATE)
    await dumb.shows('waiting for 1 approval from role:admin (bob, carol)')
    await dumb.press('C-c')
    expect(await dumb.shows('exit 130')).not.toMatch(/ \d+ s |leave it/)
  })

  test('with stdout in a pipe the waiting line is still there, and the rows go into the pipe', async () => {
    server.play(api.requests.get, (_, times) => (times < 2 ? pendingRequest() : requestView()))
    server.play(api.requests.execute, () => executionView())
    server.playStream(api.executions.result, () => ({ stream: [section(1, USERS.columns, USERS.rows)] }))
    await using terminal = await open()
    await terminal.type(`clear; ${process.execPath} ${BIN} ${SELECT} -o csv | tr a-z A-Z`)
    expect(await terminal.shows('ALICE')).toContain('ID,NAME\n1,ALICE\n20,')
  })
})

describe.skipIf(!tmux)('while it runs', () => {
  test('Ctrl-C, c: it is cancelled, and what was rolled back is said; exit 5', async () => {
    playRunning({ status: 'cancelled', effect: 'rolled_back' })
    await using terminal = await open()
    await twinlock(terminal, UPDATE)
    await terminal.shows(/#1042 is running on agent prod-1 {3}\d s {3}Ctrl-C asks: leave it or cancel it/)
    await terminal.press('C-c')
    await terminal.shows('c cancel it')
    await terminal.press('c')
    expect(await terminal.shows('exit 5')).toContain('rolled back: nothing changed')
  })

  test('Ctrl-C, c, too late: it had committed, and that is said; exit 0', async () => {
    playRunning({
      status: 'succeeded',
      effect: 'committed',
      statements: [{ status: 'succeeded', affected_rows: 1, row_count: null }],
    })
    await using terminal = await open()
    await twinlock(terminal, UPDATE)
    await terminal.shows('is running')
    await terminal.press('C-c')
    await terminal.shows('c cancel it')
    await terminal.press('c')
    expect(await terminal.shows('exit 0')).toContain('1 row affected')
  })

  test('Ctrl-C, l: it goes on; exit 130', async () => {
    playRunning({})
    await using terminal = await open()
    await twinlock(terminal, UPDATE)
    await terminal.shows('is running')
    await terminal.press('C-c')
    await terminal.shows('l leave it')
    await terminal.press('l')
    expect(await terminal.shows('exit 130')).toContain(
      '#1042 goes on without you: it was running when you left.\n  Its result: twinlock result 1042\n  Stop it:    twinlock cancel 1042\n',
    )
    expect(server.calls.map(({ endpoint }) => endpoint)).not.toContain(api.executions.cancel)
  })

  test('what is queued says why', async () => {
    const message = 'app/production is paused by carol: INC-204'
    server.play(api.requests.create, () => requestView())
    const waiting = { code: 'target_paused', message } as const
    server.play(api.requests.execute, () => ({ ...running, status: 'queued' as const, agent: null, waiting }))
    server.play(api.executions.get, () => 'hang')
    await using terminal = await open()
    await twinlock(terminal, SELECT)
    await terminal.shows(`#1042 is queued: ${message}`)
  })
})
