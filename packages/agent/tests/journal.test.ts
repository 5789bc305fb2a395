import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, chmod, mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agentError, failedOutcome } from '../src/execution-outcome.ts'
import { type JournalOptions, openJournal } from '../src/journal.ts'
import { REMEMBER_MS } from '../src/journal-memory.ts'
import { type TemporaryDirectory, temporaryDirectory } from './fixtures/agent-setup.ts'
import { LEASE, reported, started } from './fixtures/journal-entries.ts'

const NOW = Date.parse('2026-03-01T12:00:00.000Z')
const MINUTE = 60_000
const EXE = 'exe_00000000000000000000000001'
const OTHER = 'exe_00000000000000000000000002'

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => directory[Symbol.asyncDispose]())

function open(options: Partial<JournalOptions> = {}) {
  return openJournal({ stateDir: join(directory.path, 'state'), now: () => NOW, random: randomBytes, ...options })
}

const file = () => join(directory.path, 'state', 'journal.ndjson')

describe('a journal', () => {
  test('keeps its id and what it has seen', async () => {
    const first = await open()
    await first.append(started(EXE, NOW + MINUTE))
    await first[Symbol.asyncDispose]()
    await using second = await open()
    expect(second.id).toBe(first.id)
    expect(second.hasSeen(EXE, NOW + MINUTE)).toBe(true)
    expect(second.hasSeen(OTHER, NOW + MINUTE)).toBe(false)
    expect(second.open.get(EXE)?.started?.lease_id).toBe(LEASE)
  })

  test('is another one on an empty disk', async () => {
    const first = await open()
    await first[Symbol.asyncDispose]()
    await using second = await open({ stateDir: join(directory.path, 'wiped') })
    expect(second.id).not.toBe(first.id)
  })

  test('is readable by its owner alone', async () => {
    await using _journal = await open()
    expect((await stat(file())).mode & 0o777).toBe(0o600)
    expect((await stat(join(directory.path, 'state'))).mode & 0o777).toBe(0o700)
  })

  test('counts an execution as seen before the disk has it', async () => {
    await using journal = await open()
    const written = journal.append(started(EXE, NOW + MINUTE))
    expect(journal.hasSeen(EXE, NOW + MINUTE)).toBe(true)
    await written
  })

  test('closes an execution that was reported and still knows it', async () => {
    const first = await open()
    await first.append(started(EXE, NOW + MINUTE))
    await first.append(reported(EXE, NOW + MINUTE))
    await first[Symbol.asyncDispose]()
    await using second = await open()
    expect(second.open.size).toBe(0)
    expect(second.hasSeen(EXE, NOW + MINUTE)).toBe(true)
  })

  test('drops a torn last line, and what is written next stays readable', async () => {
    const first = await open()
    await first.append(started(EXE, NOW + MINUTE))
    await first.append(started(OTHER, NOW + MINUTE))
    await first[Symbol.asyncDispose]()
    const { size } = await stat(file())
    await truncate(file(), size - 20)
    const second = await open()
    expect([...second.open.keys()]).toEqual([EXE])
    await second.append(reported(EXE, NOW + MINUTE))
    await second[Symbol.asyncDispose]()
    await using third = await open()
    expect(third.open.size).toBe(0)
  })

  test('drops blocks of zeros at its end, as a power cut leaves them', async () => {
    const first = await open()
    await first.append(started(EXE, NOW + MINUTE))
    await first[Symbol.asyncDispose]()
    await appendFile(file(), `${'\0'.repeat(4096)}\n`)
    await using second = await open()
    expect([...second.open.keys()]).toEqual([EXE])
  })

  test.each([
    ['in its middle', (text: string) => text.replace('"started"', '"sta')],
    ['in its first line', (text: string) => text.slice(10)],
    ['to nothing', () => ''],
  ])('that is damaged %s is refused, not begun anew', async (_where, damage) => {
    const first = await open()
    await first.append(started(EXE, NOW + MINUTE))
    await first.append(started(OTHER, NOW + MINUTE))
    await first[Symbol.asyncDispose]()
    await writeFile(file(), damage(await readFile(file(), 'utf8')))
    await expect(open()).rejects.toMatchObject({ name: 'StartError', message: expect.stringContaining('damaged') })
  })

  test('is held by one agent at a time, and free once that is gone', async () => {
    const first = await open()
    await expect(open()).rejects.toMatchObject({ name: 'StartError', message: expect.stringContaining('in use') })
    await first[Symbol.asyncDispose]()
    await using second = await open()
    expect(second.id).toBe(first.id)
  })

  test('forgets an id a day after its token ended', async () => {
    const first = await open()
    await first.append(reported(EXE, NOW + MINUTE))
    await first[Symbol.asyncDispose]()
    const second = await open({ now: () => NOW + MINUTE + REMEMBER_MS })
    expect(second.hasSeen(EXE, NOW + 2 * MINUTE)).toBe(true)
    await second[Symbol.asyncDispose]()
    await using third = await open({ now: () => NOW + MINUTE + REMEMBER_MS + 1 })
    expect(third.hasSeen(EXE, NOW + 2 * MINUTE)).toBe(false)
  })

  test('refuses the token of a forgotten id also after its clock jumped forward and back', async () => {
    const first = await open()
    await first.append(reported(EXE, NOW + MINUTE))
    await first[Symbol.asyncDispose]()
    const ahead = await open({ now: () => NOW + 10 * REMEMBER_MS })
    await ahead[Symbol.asyncDispose]()
    await using back = await open()
    expect(back.hasSeen(EXE, NOW + MINUTE)).toBe(true)
    expect(back.hasSeen(OTHER, NOW + MINUTE + 1)).toBe(false)
  })

  test('never forgets an execution whose end is not reported', async () => {
    const first = await open()
    await first.append(started(EXE, NOW + MINUTE))
    await first[Symbol.asyncDispose]()
    await using second = await open({ now: () => NOW + 100 * REMEMBER_MS })
    expect([...second.open.keys()]).toEqual([EXE])
  })

  test('is rewritten without what is over when it grows', async () => {
    await using journal = await open({ compactAboveBytes: 1000 })
    for (let i = 0; i < 200; i++) {
      await journal.append(started(EXE, NOW + MINUTE))
      await journal.append(reported(EXE, NOW + MINUTE))
    }
    await journal.append(started(OTHER, NOW + MINUTE))
    expect((await stat(file())).size).toBeLessThan(4000)
    expect(journal.hasSeen(EXE, NOW + MINUTE)).toBe(true)
    expect([...journal.open.keys()]).toEqual([OTHER])
  })

  test('takes nothing that its next start could not read, and keeps all else', async () => {
    const failures: unknown[] = []
    const first = await open({ onFailure: (error) => failures.push(error) })
    const outcome = failedOutcome('x'.repeat(101), agentError('x'), 'none')
    const entry = { type: 'outcome', execution_id: OTHER, valid_until: NOW, outcome } as const
    await expect(first.append(entry)).rejects.toMatchObject({ code: 'journal_entry_unreadable' })
    await expect(first.append({ ...started(OTHER, NOW), valid_until: Number.NaN })).rejects.toThrow('valid_until')
    expect(first.hasSeen(OTHER, NOW)).toBe(false)
    await first.append(started(EXE, NOW + MINUTE))
    expect(first.isSound).toBe(true)
    expect(failures).toEqual([])
    await first[Symbol.asyncDispose]()
    await using second = await open()
    expect([...second.open.keys()]).toEqual([EXE])
  })

  test('of an agent before this one still opens', async () => {
    const first = await open()
    await first[Symbol.asyncDispose]()
    const ref = { engine: 'postgresql', transaction_id: '7', system_identifier: '1', timeline: 1 }
    const older = [
      started(EXE, NOW + MINUTE),
      { type: 'committing', execution_id: EXE, ref, statements: [], server_version: '18.4' },
      { type: 'reported', execution_id: OTHER, valid_until: NOW },
    ]
    await appendFile(file(), older.map((line) => `${JSON.stringify(line)}\n`).join(''))
    await using second = await open()
    expect(second.open.get(EXE)?.committing).toMatchObject({ chunks: 0, result_sha256: null, server_version: '18.4' })
    expect(second.lookUp(OTHER)).toBe('unknown')
  })

  test.runIf(process.platform !== 'win32')('is not opened where other users may write', async () => {
    await mkdir(join(directory.path, 'state'))
    await chmod(join(directory.path, 'state'), 0o770)
    await expect(open()).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringContaining('can be written by other users (mode 770)'),
      remedy: expect.stringContaining(`chmod go-w ${join(directory.path, 'state')}`),
    })
    await chmod(join(directory.path, 'state'), 0o750)
    await using _journal = await open()
  })

  test('is unsound from the first failure on, and says so once', async () => {
    const failures: unknown[] = []
    await using journal = await open({ compactAboveBytes: 1, onFailure: (error) => failures.push(error) })
    await rm(join(directory.path, 'state'), { recursive: true })
    for (let i = 0; i < 10; i++) await journal.append(started(EXE, NOW + MINUTE)).catch(() => {})
    await expect(journal.append(started(OTHER, NOW + MINUTE))).rejects.toMatchObject({ code: 'ENOENT' })
    expect(journal.isSound).toBe(false)
    expect(failures).toHaveLength(1)
  })
})

const PROCESS = fileURLToPath(new URL('./fixtures/journal-process.ts', import.meta.url))

function startProcess(stateDir: string) {
  return spawn(process.execPath, ['--conditions=twinlock-source', PROCESS, stateDir], { stdio: 'pipe' })
}

describe('processes', () => {
  test('of which one holds the directory: the other is told so', async () => {
    await using _journal = await open()
    const other = startProcess(join(directory.path, 'state'))
    let said = ''
    other.stderr.on('data', (text) => {
      said += text
    })
    const [code] = await once(other, 'exit')
    expect(code).toBe(1)
    expect(said).toContain('in use by another agent')
  })

  // Between, during and after writes, syncs and compactions.
  test('killed at any moment lose nothing that counted', async () => {
    const stateDir = join(directory.path, 'killed')
    const counted: string[] = []
    let journalId: string | undefined
    for (let round = 0; round < 6; round++) {
      const child = startProcess(stateDir)
      let said = ''
      const enough = Promise.withResolvers<void>()
      child.stdout.on('data', (text) => {
        said += text
        if (said.split('\n').length > 5 + round * 37) enough.resolve()
      })
      await Promise.race([enough.promise, once(child, 'exit')])
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      const [id, ...executions] = said.split('\n').slice(0, -1)
      journalId ??= id
      expect(id).toBe(journalId)
      counted.push(...executions)
      await using journal = await open({ stateDir })
      expect(counted.filter((executionId) => !journal.hasSeen(executionId, Date.now()))).toEqual([])
    }
    expect(counted.length).toBeGreaterThan(100)
  })
})
