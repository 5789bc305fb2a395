import { AppError, api, type RequestView } from '@twinlock/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'
import { pendingRequest } from './sample-views.ts'

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

const waiting = (number: number, changes: Partial<RequestView> = {}) =>
  pendingRequest({ id: `req_01jd5hx00000000000000${String(number).padStart(5, '0')}`, number, ...changes })
const page = (items: RequestView[], version = 'v1') => ({ items, next_cursor: null, version })

describe('inbox', () => {
  test('shows what waits for me, the oldest first, and what to type next', async () => {
    server.play(api.requests.list, () => page([waiting(1043, { reason: null, sql: '\n select 1\n' }), waiting(1042)]))
    const { exit, stdout, stderr } = await desk.run(['inbox'])
    expect(stdout).toMatch(
      /^number \| requester \| target {9}\| operations \| asked +\| reason +\| sql\n-+.*\n {2}1042 \| alice {5}\| app\/production \| dml {8}\| .* ago \| INC-204: duplicate order \| update orders …\n {2}1043 \| .* \| select 1\n$/,
    )
    expect(stderr).toBe('look at one and decide: twinlock approve 1042\n')
    expect(exit).toBe(0)
    expect(server.calls[0]?.query.get('awaiting')).toBe('me')
  })

  test('nothing to decide is said, and no error', async () => {
    server.play(api.requests.list, () => page([]))
    expect(await desk.run(['inbox'])).toMatchObject({ exit: 0, stderr: 'nothing waits for you\n' })
    const json = await desk.run(['inbox', '--json'])
    expect(json).toEqual({ exit: 0, stdout: '[]\n', stderr: '' })
  })

  test('--watch in a pipe appends what comes, once, and asks with the version it has; Ctrl-C ends it: exit 130', async () => {
    const ended = Promise.withResolvers<void>()
    server.play(api.requests.list, ({ query }, times) => {
      if (times === 1) return page([waiting(1042)], 'a')
      if (times === 2) return page([waiting(1043, { reason: 'x\u001b[2J' }), waiting(1042)], 'b')
      if (times === 3) return new AppError('not_ready')
      expect(query.get('version')).toBe('b')
      ended.resolve()
      return 'hang'
    })
    const { exit, stdout } = await desk.run(['inbox', '--watch'], { interruptAfter: ended.promise })
    expect(stdout).toBe(
      '#1042  dml on app/production   alice: INC-204: duplicate order   update orders …\n' +
        '#1043  dml on app/production   alice: x<U+001B>[2J   update orders …\n',
    )
    expect(exit).toBe(130)
    expect(server.calls.map(({ query }) => [query.get('version'), query.get('wait')])).toEqual([
      [null, null],
      ['a', '25'],
      ['b', '25'],
      ['b', '25'],
    ])
  })

  test('--watch -o csv has one header', async () => {
    const ended = Promise.withResolvers<void>()
    server.play(api.requests.list, (_, times) => {
      if (times < 3) return page([waiting(1041 + times)], String(times))
      ended.resolve()
      return 'hang'
    })
    const { stdout } = await desk.run(['inbox', '-w', '-o', 'csv'], { interruptAfter: ended.promise })
    expect(stdout.match(/^number,/gm)).toHaveLength(1)
    expect(stdout.match(/^104\d,alice/gm)).toHaveLength(2)
  })

  test('--watch --json is refused: it would never be one document', async () => {
    const { exit, stdout } = await desk.run(['inbox', '--watch', '--json'])
    expect(JSON.parse(stdout).error.code).toBe('usage')
    expect(exit).toBe(2)
  })
})

describe('request list', () => {
  test.each([
    [['-t', 'app/production', '--requester', 'bob'], { target: 'app/production', requester: 'bob' }],
    [['-t', 'app', '-s', 'rejected', '--mine'], { target: 'app', status: 'rejected', requester: 'alice' }],
  ])('%j asks for no more than that', async (argv, query) => {
    server.play(api.identity.me, () => ({
      name: 'alice',
      roles: [],
      permissions: [],
      server: { id: 'srv', version: '1', time: '2026-11-22T12:00:00Z' },
      token_expires_at: null,
    }))
    server.play(api.requests.list, () => page([]))
    const { exit, stderr } = await desk.run(['request', 'list', ...argv])
    expect(Object.fromEntries(server.calls.at(-1)?.query ?? [])).toEqual({ limit: '50', ...query })
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: expect.stringMatching(/^no requests of (bob|alice) on app/) })
  })

  test.each([
    [['--mine', '--requester', 'bob'], /said twice/],
    [['-t', 'app/production/x'], /is not a target/],
    [['--requester', 'Bob Smith'], /is not the name of a user/],
    [['-n', '0'], /is not a number of requests/],
  ])('%j is a usage error', async (argv, says) => {
    const { exit, stderr } = await desk.run(['request', 'list', ...argv])
    expect(stderr).toMatch(says)
    expect({ exit, calls: server.calls }).toEqual({ exit: 2, calls: [] })
  })
})
