import { fileURLToPath } from 'node:url'
import { api } from '@twinlock/contract'
import { findTmux, openTerminal, startTestStack, type Terminal, type TestStack, type TestUser } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDesk, type Desk } from '../packages/cli/tests/run-twinlock.ts'

const BIN = fileURLToPath(new URL('../packages/cli/bin/twinlock.js', import.meta.url))
const tmux = findTmux()
if (!tmux) console.warn('not run, because tmux cannot be had here: everything in tests/terminal.test.ts')

let stack: TestStack
let alice: Desk
let bob: Desk
beforeAll(async () => {
  if (!tmux) return
  stack = await startTestStack({ schema: 'create table orders (id int primary key, status text not null)' })
  alice = await deskOf(stack.alice)
  bob = await deskOf(stack.bob)
})
afterAll(async () => {
  await alice?.[Symbol.asyncDispose]()
  await bob?.[Symbol.asyncDispose]()
  await stack?.[Symbol.asyncDispose]()
})

const envOf = ({ token }: TestUser) => ({ TWINLOCK_SERVER: stack.server.url, TWINLOCK_TOKEN: token })
const deskOf = (user: TestUser) => createDesk(envOf(user))

/** A terminal in which somebody has typed a command. */
async function typed(user: TestUser, desk: Desk, command: string, columns = 120): Promise<Terminal> {
  const terminal = await openTerminal({
    columns,
    rows: 30,
    cwd: desk.folder,
    env: { ...envOf(user), HOME: desk.folder },
  })
  await terminal.type(`clear; ${process.execPath} ${BIN} ${command}; echo exit $?`)
  return terminal
}

const sleeping = async () =>
  (
    await stack.development.query(
      "select pid from pg_stat_activity where query like '%pg_sleep%' and state = 'active' and pid <> pg_backend_pid()",
    )
  ).length

describe.skipIf(!tmux)('in a real terminal, with a real server, agent and database', () => {
  it('alice waits for bob, sees his comment and his approval, and gets her rows', async () => {
    await using terminal = await typed(stack.alice, alice, `execute "select 42 as answer" -t app/production -r INC-204`)
    await terminal.shows(/waiting for 1 approval from role:approver \(bob\) {3}\d+ s {3}Ctrl-C asks/)
    const { stdout } = await bob.run(['inbox', '--json'])
    const number = String(JSON.parse(stdout)[0].number)
    expect(await bob.run(['request', 'comment', number, 'which ticket?'])).toMatchObject({ exit: 0 })
    expect(await bob.run(['approve', number, '--yes', '-c', 'found it'])).toMatchObject({ exit: 0 })
    const screen = await terminal.shows('exit 0')
    expect(screen).toMatch(
      /bob: which ticket\?\napproved by bob: "found it"\nanswer\n-+\n +42\n1 row {3}.* {3}agent test-agent\nexit 0/,
    )
  })

  it("bob's inbox, watched, is drawn again when something comes and when it is decided", async () => {
    await using terminal = await typed(stack.bob, bob, 'inbox --watch')
    await terminal.shows('nothing waits for you   Ctrl-C ends')
    const { number, id } = await stack.alice.client.call(api.requests.create, {
      body: {
        database: 'app',
        environment: 'production',
        sql: 'delete from orders',
        reason: 'spring cleaning',
        start: 'manual',
      },
    })
    await terminal.shows(
      /1 request for you {3}Ctrl-C ends\n\d+ {2}alice {2}app\/production {2}dml .* spring cleaning {2}delete from orders\nlook at one and decide: twinlock approve \d+$/,
    )
    expect(await terminal.screen()).toContain(`twinlock approve ${number}`)
    await stack.bob.client.call(api.requests.reject, { params: { id }, body: { step: 1 } })
    const screen = await terminal.shows('nothing waits for you')
    expect(screen).not.toContain('spring cleaning')
    await terminal.press('C-c')
    await terminal.shows('exit 130')
  })

  it('Ctrl-C, c: the query ends in the database, and what was rolled back is said; exit 5', async () => {
    await using terminal = await typed(
      stack.alice,
      alice,
      `execute "insert into orders select 1, 'x' from pg_sleep(25)" -t app/development`,
    )
    await terminal.shows(/#\d+ is running on agent test-agent {3}\d+ s/)
    expect(await sleeping()).toBe(1)
    await terminal.press('C-c')
    await terminal.shows('c cancel it')
    await terminal.press('c')
    expect(await terminal.shows('exit 5')).toMatch(/cancelled.*\n(.*\n)* {2}rolled back: nothing changed\n/)
    expect(await sleeping()).toBe(0)
    expect(await stack.development.query('select * from orders')).toEqual([])
  })

  it('Ctrl-C, l leaves it running; twinlock cancel stops it from elsewhere', async () => {
    await using terminal = await typed(stack.alice, alice, `execute "select pg_sleep(25)" -t app/development`, 60)
    await terminal.shows(/is running/)
    await terminal.press('C-c')
    await terminal.shows('l leave it')
    await terminal.press('l')
    const screen = await terminal.shows('exit 130')
    expect(await sleeping()).toBe(1)
    const number = /twinlock cancel (\d+)/.exec(screen)?.[1] ?? ''
    const { exit, stderr } = await alice.run(['cancel', number])
    expect({ exit, stderr }).toEqual({
      exit: 0,
      stderr: expect.stringMatching(/^#\d+ cancelled {3}rolled back: nothing changed {3}agent test-agent\n$/),
    })
    expect(await sleeping()).toBe(0)
    expect(await alice.run(['result', number])).toMatchObject({ exit: 5 })
  })
})
