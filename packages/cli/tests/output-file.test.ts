import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, api, type ExecutionView } from '@twinlock/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'
import { executionView, requestView, section, USERS } from './sample-views.ts'

const SELECT = ['execute', 'select id, name from users', '-t', 'app/production']
const ROWS = section(1, USERS.columns, USERS.rows)

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

function play(result: readonly string[], execution: Partial<ExecutionView> = {}): void {
  server.play(api.requests.create, () => requestView())
  server.play(api.requests.get, () => requestView())
  server.play(api.requests.execute, () => executionView(execution))
  server.playStream(api.executions.result, () => ({ stream: result }))
}

/** The folder without what the program keeps for itself. */
const files = async () => (await readdir(desk.folder)).filter((name) => name !== '.cache' && name !== '.config')
const content = (name: string) => readFile(join(desk.folder, name), 'utf8')

describe('--output', () => {
  test.each([
    ['rows.csv', [], 'id,name\r\n1,alice\r\n20,\r\n'],
    ['rows.ndjson', [], '{"id":"1","name":"alice"}\n{"id":"20","name":null}\n'],
    ['rows', [], 'id | name\n---+------\n 1 | alice\n20 | NULL\n'],
    ['rows.csv', ['-o', 'jsonl'], '{"id":"1","name":"alice"}\n{"id":"20","name":null}\n'],
  ] as const)('%s %j is written by its ending or the format, for its owner alone', async (name, more, expected) => {
    play([ROWS])
    const { exit, stdout, stderr } = await desk.run([...SELECT, '--output', name, ...more])
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: '' })
    expect(stderr).toBe(`2 rows   41 ms   agent prod-1\n${name}   ${expected.length} bytes\n`)
    expect(await content(name)).toBe(expected)
    expect((await stat(join(desk.folder, name))).mode & 0o777).toBe(0o600)
    expect(await files()).toEqual([name])
  })

  test('rows.json is the document; with --json stdout has another one, without the rows', async () => {
    play([ROWS])
    const { exit, stdout, stderr } = await desk.run([...SELECT, '--output', 'rows.json', '--json'])
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    const written = await content('rows.json')
    expect(JSON.parse(written).results[0].rows).toEqual(USERS.rows)
    expect(JSON.parse(stdout)).toMatchObject({
      execution: { status: 'succeeded' },
      results: [],
      output: { file: join(desk.folder, 'rows.json'), bytes: written.length },
    })
  })

  test('-o json with a file leaves stdout to nobody', async () => {
    play([ROWS])
    const { exit, stdout } = await desk.run([...SELECT, '--output', 'rows', '-o', 'json'])
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: '' })
    expect(JSON.parse(await content('rows')).results).toHaveLength(1)
  })

  test('a file that is there is left alone, before anything is asked for; with --force it is replaced', async () => {
    play([ROWS])
    await writeFile(join(desk.folder, 'rows.csv'), 'mine', { mode: 0o644 })
    const refused = await desk.run([...SELECT, '--output', 'rows.csv'])
    expect(refused).toMatchObject({ exit: 1, stdout: '', stderr: expect.stringContaining('rows.csv is already there') })
    expect(server.calls).toEqual([])
    expect(await content('rows.csv')).toBe('mine')
    expect(await desk.run([...SELECT, '--output', 'rows.csv', '--force'])).toMatchObject({ exit: 0 })
    expect(await content('rows.csv')).toContain('alice')
    expect((await stat(join(desk.folder, 'rows.csv'))).mode & 0o777).toBe(0o600)
  })

  test('a file that came into being meanwhile is not overwritten', async () => {
    play([ROWS])
    server.playStream(api.executions.result, async () => {
      await writeFile(join(desk.folder, 'rows.csv'), 'mine')
      return { stream: [ROWS] }
    })
    const { exit, stderr } = await desk.run([...SELECT, '--output', 'rows.csv'])
    expect(stderr).toContain('rows.csv came into being meanwhile, and was left as it is.')
    expect(exit).toBe(1)
    expect(await content('rows.csv')).toBe('mine')
    expect(await files()).toEqual(['rows.csv'])
  })

  test.each(['a folder', 'a link', 'a device'])('--force replaces no more than a file: not %s', async (what) => {
    play([ROWS])
    const name = what === 'a device' ? '/dev/null' : 'there'
    if (what === 'a folder') await mkdir(join(desk.folder, name))
    if (what === 'a link') await symlink('/etc/hostname', join(desk.folder, name))
    const { exit, stderr } = await desk.run([...SELECT, '--output', name, '--force'])
    expect(stderr).toContain(`${name} is not an ordinary file`)
    expect({ exit, calls: server.calls }).toEqual({ exit: 1, calls: [] })
  })

  test.each<[string, readonly string[], Partial<ExecutionView>, number]>([
    ['a result without its end', [ROWS.split('\n').slice(0, 2).join('\n')], {}, 1],
    ['rows that were changed on the way', [ROWS.replace('alice', 'mallory')], {}, 1],
    [
      'a statement that failed after its first rows',
      [ROWS],
      {
        status: 'failed',
        effect: 'rolled_back',
        statements: [{ status: 'failed', affected_rows: null, row_count: 2 }],
      },
      1,
    ],
  ])('%s leaves no file', async (_, result, execution, expected) => {
    play(result, execution)
    const { exit, stdout, stderr } = await desk.run([...SELECT, '--output', 'rows.csv'])
    expect(stderr).toMatch(/\nrows\.csv was not written\n$/)
    expect({ exit, stdout, files: await files() }).toEqual({ exit: expected, stdout: '', files: [] })
    const json = await desk.run([...SELECT, '--output', 'rows.csv', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ output: null, error: { code: expect.any(String) } })
    expect(await files()).toEqual([])
  })

  test('Ctrl-C while rows arrive leaves no file: exit 130', async () => {
    play([])
    server.playStream(api.executions.result, () => ({ stream: [ROWS.split('\n').slice(0, 2).join('\n')], open: true }))
    const { exit } = await desk.run([...SELECT, '--output', 'rows.csv'], {
      interruptAfter: server.called(api.executions.result),
    })
    expect({ exit, files: await files() }).toEqual({ exit: 130, files: [] })
  })

  test.each([
    ['a folder that is not there', 'nowhere/rows.csv', /its folder is not there/, 1],
    ['the name of a format', 'json', /--output takes a file, and json is a format\.\n {2}Write -o json/, 2],
  ] as const)('%s is an error before anything is asked for', async (_, name, says, expected) => {
    const { exit, stderr } = await desk.run([...SELECT, '--output', name])
    expect(stderr).toMatch(says)
    expect({ exit, calls: server.calls }).toEqual({ exit: expected, calls: [] })
  })
})

describe('a result that the server does not have', () => {
  test.each<[string, Partial<ExecutionView>, RegExp, string]>([
    [
      'a read that could not be kept',
      { result: 'discarded', result_reason: 'quota' },
      /^error: #1042 succeeded \(2 rows\), but its rows are not there: the server's room for results is used up\n {2}To have them, ask for the same statement again\.\n$/,
      'result_discarded',
    ],
    [
      'a change that returned rows',
      {
        effect: 'committed',
        statements: [{ status: 'succeeded', affected_rows: 2, row_count: 2 }],
        result: 'discarded',
        result_reason: 'storage_full',
      },
      /^error: #1042 succeeded \(2 rows affected\) and was committed, but its rows are not there: the server's disk is full\n {2}Do not repeat it\./,
      'result_discarded',
    ],
    ['one of long ago', { result: 'expired', result_reason: 'retention' }, /but its rows are gone: /, 'result_expired'],
  ])('%s: what it did, and that its rows are gone; exit 1', async (_, execution, says, code) => {
    play([], execution)
    server.playStream(api.executions.result, () => new AppError('result_expired'))
    const { exit, stdout, stderr } = await desk.run(SELECT)
    expect(stderr).toMatch(says)
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' })
    const json = await desk.run([...SELECT, '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ execution: { status: 'succeeded' }, error: { code } })
    expect(json).toMatchObject({ exit: 1, stderr: '' })
  })

  test('a change that returned nothing has lost nothing: exit 0', async () => {
    const statements = [{ status: 'succeeded' as const, affected_rows: 1, row_count: null }]
    play([], { effect: 'committed', statements, result: 'discarded', result_reason: 'quota' })
    expect(await desk.run(SELECT)).toMatchObject({ exit: 0, stderr: '1 row affected   41 ms   agent prod-1\n' })
  })
})
