import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, api } from '@twinlock/contract'
import { type AuditRecord, appendRecord, EMPTY_CHAIN } from '@twinlock/evidence'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'

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

function makeLog(length: number, salt = 'a'): AuditRecord[] {
  const records: AuditRecord[] = []
  let head = EMPTY_CHAIN
  for (let i = 1; i <= length; i++) {
    const record = appendRecord(
      head,
      {
        v: 1,
        id: `evt_${i}`,
        type: 'request.created',
        at: '2026-11-22T12:00:00.000Z',
        actor: { type: 'user', id: 'alice' },
        subject: null,
        data: { number: i },
      },
      salt.repeat(64),
    )
    records.push(record)
    head = { seq: record.seq, hash: record.hash }
  }
  return records
}

const lines = (records: readonly AuditRecord[]) => records.map((record) => `${JSON.stringify(record)}\n`)
const play = (records: readonly AuditRecord[]) =>
  server.playStream(api.audit.export, () => ({ stream: lines(records) }))

test('an intact log: count and head on stdout, exit 0, remembered in a private file', async () => {
  const log = makeLog(3)
  play(log)
  const { exit, stdout, stderr } = await desk.run(['audit', 'verify'])
  expect(stdout).toBe(`audit log   3 records, chain intact, head ${log[2]?.hash.slice(0, 4)}… at #3\n`)
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
  expect((await stat(join(desk.folder, '.local/state/twinlock/audit-heads.json'))).mode & 0o777).toBe(0o600)
})

test('the first bad record is named, with why: exit 1', async () => {
  const log = makeLog(4)
  const second = log[1]
  if (second) second.body = second.body?.replace('alice', 'mallory') ?? null
  play(log)
  const { exit, stdout } = await desk.run(['audit', 'verify'])
  expect(stdout).toContain('audit log   NOT INTACT at record #2: its body was changed after it was written\n')
  expect(exit).toBe(1)
  const json = await desk.run(['audit', 'verify', '-o', 'json'])
  expect(JSON.parse(json.stdout)).toMatchObject({
    ok: false,
    at: 2,
    kind: 'broken',
    error: { code: 'audit_not_intact' },
  })
  expect(json.exit).toBe(1)
})

test('a log that has grown is intact; one whose end was cut off since is not', async () => {
  const log = makeLog(5)
  play(log.slice(0, 4))
  expect((await desk.run(['audit', 'verify'])).exit).toBe(0)
  play(log)
  expect((await desk.run(['audit', 'verify'])).exit).toBe(0)
  play(log.slice(0, 3))
  const { exit, stdout } = await desk.run(['audit', 'verify'])
  expect(stdout).toContain('NOT INTACT at record #4: the log ends before it; it was verified up to record 5 before')
  expect(exit).toBe(1)
  expect((await desk.run(['audit', 'verify'])).exit).toBe(1)
})

test('a log that was written anew since is found, though it is intact in itself', async () => {
  play(makeLog(3))
  expect((await desk.run(['audit', 'verify'])).exit).toBe(0)
  play(makeLog(6, 'b'))
  const { exit, stdout } = await desk.run(['audit', 'verify'])
  expect(stdout).toContain(
    'NOT INTACT at record #3: it, or a record before it, is not the one that was verified before',
  )
  expect(exit).toBe(1)
})

test('an export is verified offline, from a file or stdin', async () => {
  const text = lines(makeLog(2)).join('')
  await writeFile(join(desk.folder, 'export.ndjson'), text)
  const file = await desk.run(['audit', 'verify', '--file', 'export.ndjson', '--json'])
  expect(JSON.parse(file.stdout)).toMatchObject({ ok: true, records: 2 })
  expect((await desk.run(['audit', 'verify', '-f', '-'], { stdin: text })).exit).toBe(0)
  expect((await desk.run(['audit', 'verify', '-f', '-'], { stdin: text.slice(0, -20) })).exit).toBe(1)
  const missing = await desk.run(['audit', 'verify', '-f', 'nowhere.ndjson'])
  expect(missing.stderr).toBe('error: nowhere.ndjson cannot be read (ENOENT).\n')
  expect(missing.exit).toBe(1)
  expect(server.calls).toEqual([])
})

test('those who may not read it are told so: exit 3', async () => {
  server.playStream(api.audit.export, () => new AppError('permission_denied'))
  expect((await desk.run(['audit', 'verify'])).exit).toBe(3)
})
