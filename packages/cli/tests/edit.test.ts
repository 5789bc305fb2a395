import { existsSync } from 'node:fs'
import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError, api } from '@twinlock/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'
import { pendingRequest } from './sample-views.ts'
import { runInTerminal } from './terminal.ts'

const SQL = pendingRequest().sql
const EDITED = SQL.replace('4711', '4712')

let server: PlayServer
let desk: Desk
let env: Record<string, string>
beforeEach(async () => {
  server = await startPlayServer()
  env = { TWINLOCK_SERVER: server.url, TWINLOCK_TOKEN: 'twl_user_secret' }
  desk = await createDesk(env)
  server.play(api.requests.get, () => pendingRequest())
  server.play(api.requests.create, () => pendingRequest({ number: 1043, sql: EDITED, replaces: 1042 }))
})
afterEach(async () => {
  await desk[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const submitted = () =>
  server.calls.flatMap(({ endpoint, body }) => (endpoint === api.requests.create ? [body as { sql: string }] : []))

/** An editor that is a shell script; it also writes down where the file was and what it was given. */
async function editor(script: string): Promise<Record<string, string>> {
  const path = join(desk.folder, 'my editor')
  await writeFile(
    path,
    `#!/bin/sh\nls -ld "$1" > ls\nls -ld "$(dirname "$1")" >> ls\necho "$1" > file\nenv > env\n${script}\n`,
  )
  await chmod(path, 0o755)
  return { ...env, VISUAL: `cd '${desk.folder}' && './my editor'`, EDITOR: 'false' }
}
const written = (name: string) => readFile(join(desk.folder, name), 'utf8')

describe('request edit', () => {
  test('submits the SQL that is given in place of the old one, and shows what is different', async () => {
    const { exit, stderr } = await desk.run(['request', 'edit', '1042', EDITED])
    expect(stderr).toContain(
      "    update orders\n    set status = 'cancelled'\n  - where id = 4711\n  + where id = 4712\n" +
        '#1043  dml on app/production, in place of #1042\npending: waiting for',
    )
    expect(submitted()).toEqual([
      {
        database: 'app',
        environment: 'production',
        sql: EDITED,
        reason: 'INC-204: duplicate order',
        start: 'manual',
        replaces: pendingRequest().id,
      },
    ])
    expect(exit).toBe(4)
  })

  test.each([
    ['an argument', [SQL], undefined],
    ['stdin', ['-f', '-'], SQL],
  ])('unchanged SQL, as %s, does nothing', async (_, argv, stdin) => {
    const { exit, stderr } = await desk.run(['request', 'edit', '1042', ...argv], stdin === undefined ? {} : { stdin })
    expect(stderr).toBe('nothing was changed: #1042 stays as it is\n')
    expect({ exit, submitted: submitted() }).toEqual({ exit: 0, submitted: [] })
  })

  test('unchanged SQL with another reason is another request', async () => {
    await desk.run(['request', 'edit', '1042', SQL, '--reason', 'INC-205'])
    expect(submitted()).toMatchObject([{ sql: SQL, reason: 'INC-205' }])
  })

  test('without a terminal there is no editor; what is empty is refused; what was replaced points on', async () => {
    expect(await desk.run(['request', 'edit', '1042'])).toMatchObject({ exit: 2 })
    expect(await desk.run(['request', 'edit', '1042', ' \n'])).toMatchObject({ exit: 2 })
    server.play(api.requests.get, () => pendingRequest({ status: 'cancelled', replaced_by: 1050 }))
    expect(await desk.run(['request', 'edit', '1042', EDITED])).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('twinlock request edit 1050'),
    })
    expect(submitted()).toEqual([])
  })

  test('--json is one document', async () => {
    const { exit, stdout, stderr } = await desk.run(['request', 'edit', '1042', EDITED, '--json'])
    expect(JSON.parse(stdout).request).toMatchObject({ number: 1043, replaces: 1042 })
    expect({ exit, stderr }).toEqual({ exit: 4, stderr: '' })
    const unchanged = await desk.run(['request', 'edit', '1042', SQL, '--json'])
    expect(JSON.parse(unchanged.stdout).request.number).toBe(1042)
  })
})

describe('request edit in an editor', () => {
  const answer = { to: 'Submit it in place of #1042? [y/N] ', with: 'y\n' }
  const edit = ['request', 'edit', '1042', '--no-wait']

  test('what was edited is submitted; its file was private, without the token, and is gone', async () => {
    const withEditor = await editor(`sed -i 's/4711/4712/' "$1"; echo >> "$1"`)
    const { exit } = await runInTerminal(edit, { home: desk.folder, env: withEditor, answer })
    // The line feed that editors add is not the person's.
    expect(submitted()).toMatchObject([{ sql: EDITED }])
    expect(exit).toBe(4)
    expect(await written('ls')).toMatch(/^-rw-------.*1042\.sql\ndrwx------/)
    expect(await written('env')).not.toContain('twl_user_secret')
    expect(existsSync((await written('file')).trim())).toBe(false)
  })

  test('an editor that changes nothing, or only ends the last line, does nothing', async () => {
    for (const script of ['true', 'echo >> "$1"']) {
      const { exit, stderr } = await runInTerminal(edit, { home: desk.folder, env: await editor(script) })
      expect(stderr).toContain('nothing was changed: #1042 stays as it is')
      expect({ exit, submitted: submitted() }).toEqual({ exit: 0, submitted: [] })
    }
  })

  test('an editor that fails, and a no, submit nothing; what was written is kept after a no', async () => {
    const failed = await runInTerminal(edit, { home: desk.folder, env: await editor('echo x > "$1"; exit 1') })
    expect(failed).toMatchObject({ exit: 1, stderr: expect.stringContaining('ended with 1: nothing was done.') })
    expect(existsSync((await written('file')).trim())).toBe(false)
    const no = await runInTerminal(edit, {
      home: desk.folder,
      env: await editor(`echo 'select 2' > "$1"`),
      answer: { ...answer, with: '\n' },
    })
    const file = (await written('file')).trim()
    expect(no.stderr).toContain(`what you wrote is kept: ${file}`)
    expect(await readFile(file, 'utf8')).toBe('select 2\n')
    await rm(dirname(file), { recursive: true })
    expect(submitted()).toEqual([])
  })

  test('what was written is not lost when the server says no', async () => {
    server.play(api.requests.create, () => new AppError('statement_forbidden'))
    const withEditor = await editor(`echo 'begin' > "$1"`)
    const { exit, stderr } = await runInTerminal(edit, { home: desk.folder, env: withEditor, answer })
    const file = (await written('file')).trim()
    expect(stderr).toContain(`what you wrote is kept: twinlock request edit 1042 -f ${file}`)
    expect(await readFile(file, 'utf8')).toBe('begin\n')
    await rm(dirname(file), { recursive: true })
    expect(exit).toBe(3)
  })
})

test('execute --replaces names the request that it replaces', async () => {
  await desk.run(['execute', EDITED, '-t', 'app/production', '--replaces', '#1042'])
  expect(submitted()).toMatchObject([{ replaces: '1042' }])
})

test('request comment sends the text, and says where', async () => {
  server.play(api.requests.comment, () => pendingRequest())
  const { exit, stderr } = await desk.run(['request', 'comment', '1042', ' why? '])
  expect(server.calls.at(-1)?.body).toEqual({ text: 'why?' })
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '#1042  dml on app/production by alice: commented\n' })
})
