import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { AppError } from '@twinlock/contract'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type TemporaryDirectory, temporaryDirectory } from '../tests/fixtures/agent-setup.ts'
import { ResultUpload, type UploadOptions } from './result-upload.ts'
import { SpillFile } from './spill-file.ts'

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => directory[Symbol.asyncDispose]())

const chunk = (n: number) => new Uint8Array(1000).fill(n)

function start(send: (n: number, bytes: Uint8Array) => Promise<unknown>, options: Partial<UploadOptions> = {}) {
  const arrived: Uint8Array[] = []
  const spill = new SpillFile(directory.path, 'exe_1')
  const upload = new ResultUpload({
    send: async (n, bytes) => {
      await send(n, bytes)
      arrived[n] = bytes
    },
    spill,
    patienceMs: 0,
    inlineBytes: 0,
    maxSpillBytes: 1_000_000,
    signal: new AbortController().signal,
    stop: new AbortController().signal,
    log: pino({ level: 'silent' }),
    ...options,
  })
  return { upload, arrived, spill }
}

const unreachable = () => Promise.reject(new AppError('server_unreachable'))

describe('the upload of a result', () => {
  test('brings every chunk in order, and hashes what arrived', async () => {
    const { upload, arrived } = start(() => new Promise(setImmediate))
    for (let n = 0; n < 20; n++) await upload.push(chunk(n))
    const isComplete = await upload.finish()
    expect(arrived).toEqual(Array.from({ length: 20 }, (_, n) => chunk(n)))
    const sha256 = createHash('sha256').update(Buffer.concat(arrived)).digest('hex')
    expect(isComplete).toBe(true)
    expect(upload.made).toEqual({ chunks: 20, sha256 })
    await upload[Symbol.asyncDispose]()
  })

  test('loses no chunk that comes just as the one before has gone', async () => {
    for (let ticks = 0; ticks < 30; ticks++) {
      const { upload, arrived } = start(() => Promise.resolve())
      await upload.push(chunk(0))
      for (let i = 0; i < ticks; i++) await null
      await upload.push(chunk(1))
      expect(await upload.finish()).toBe(true)
      expect(arrived).toHaveLength(2)
      await upload[Symbol.asyncDispose]()
    }
  })

  test('a short result waits to be taken with the outcome, and nothing is sent', async () => {
    const { upload, arrived } = start(unreachable, { inlineBytes: 1000 })
    await upload.push(Buffer.from('{"rows":[["ü"]]}\n'))
    expect(await upload.finish()).toBe(true)
    expect(upload.takeInline()).toBe('{"rows":[["ü"]]}\n')
    expect([upload.takeInline(), upload.made.chunks, arrived.length]).toEqual([undefined, 1, 0])
    await upload[Symbol.asyncDispose]()
  })

  test('a result that grows past one short chunk is sent from its beginning', async () => {
    for (const chunks of [[chunk(0), chunk(1)], [new Uint8Array(1001)]]) {
      const { upload, arrived } = start(() => Promise.resolve(), { inlineBytes: 1000 })
      for (const bytes of chunks) await upload.push(bytes)
      expect(await upload.finish()).toBe(true)
      expect(upload.takeInline()).toBeUndefined()
      expect(arrived).toEqual(chunks)
      await upload[Symbol.asyncDispose]()
    }
  })

  test('never holds up work that writes: what the server does not take goes to the disk', async () => {
    const open = Promise.withResolvers<void>()
    const { upload, arrived, spill } = start(() => open.promise)
    for (let n = 0; n < 10; n++) await upload.push(chunk(n))
    expect(spill.size).toBe(8000)
    open.resolve()
    expect(await upload.finish()).toBe(true)
    expect(arrived).toEqual(Array.from({ length: 10 }, (_, n) => chunk(n)))
    await upload[Symbol.asyncDispose]()
  })

  test('holds a read back while the server takes its rows', async () => {
    const open = Promise.withResolvers<void>()
    const { upload, spill } = start(() => open.promise, { patienceMs: 60_000 })
    await upload.push(chunk(0))
    await upload.push(chunk(1))
    let isTaken = false
    const third = upload.push(chunk(2)).then(() => {
      isTaken = true
    })
    await new Promise(setImmediate)
    expect(isTaken).toBe(false)
    open.resolve()
    await third
    expect(await upload.finish()).toBe(true)
    expect(spill.size).toBe(0)
    await upload[Symbol.asyncDispose]()
  })

  test('lets a read go on once its patience is over', async () => {
    const open = Promise.withResolvers<void>()
    const { upload, spill } = start(() => open.promise, { patienceMs: 20 })
    for (let n = 0; n < 6; n++) await upload.push(chunk(n))
    expect(spill.size).toBe(4000)
    open.resolve()
    expect(await upload.finish()).toBe(true)
    await upload[Symbol.asyncDispose]()
  })

  test('waits no longer in all, however often the server takes a little', async () => {
    const gates = Array.from({ length: 8 }, () => Promise.withResolvers<void>())
    const { upload, spill } = start((n) => gates[n]?.promise ?? Promise.resolve(), { patienceMs: 20 })
    for (let n = 0; n < 4; n++) await upload.push(chunk(n))
    expect(spill.size).toBe(2000)
    gates[0]?.resolve()
    gates[1]?.resolve()
    await new Promise(setImmediate)
    for (let n = 4; n < 8; n++) await upload.push(chunk(n))
    expect(spill.size).toBe(4000)
    for (const gate of gates) gate.resolve()
    expect(await upload.finish()).toBe(true)
    await upload[Symbol.asyncDispose]()
  })

  test('takes no more of the disk than its share, over and over', async () => {
    const { upload, arrived, spill } = start(() => new Promise((resolve) => setTimeout(resolve, 1)), {
      maxSpillBytes: 5000,
    })
    for (let n = 0; n < 60; n++) {
      await upload.push(chunk(n))
      if (n % 6 === 5) await upload.finish()
    }
    expect(await upload.finish()).toBe(true)
    expect(arrived).toHaveLength(60)
    expect(arrived.every((bytes, n) => bytes.every((byte) => byte === n))).toBe(true)
    expect(spill.size).toBeLessThanOrEqual(5000)
    await upload[Symbol.asyncDispose]()
  })

  test('that would take more of the disk ends, and the statement goes on', async () => {
    const open = Promise.withResolvers<void>()
    const { upload, spill } = start(() => open.promise, { maxSpillBytes: 5000 })
    for (let n = 0; n < 20; n++) await upload.push(chunk(n))
    expect(spill.size).toBeLessThanOrEqual(5000)
    open.resolve()
    expect(await upload.finish()).toBe(false)
    await upload[Symbol.asyncDispose]()
  })

  test('is the beginning of the result when the server refuses the rest', async () => {
    const { upload, arrived } = start((n) => (n < 2 ? Promise.resolve() : Promise.reject(new AppError('lease_lost'))))
    for (let n = 0; n < 5; n++) await upload.push(chunk(n))
    expect(await upload.finish()).toBe(false)
    expect(arrived).toEqual([chunk(0), chunk(1)])
    expect(upload.made.chunks).toBe(5)
    await upload[Symbol.asyncDispose]()
  })

  test.each([
    ['result_quota_exceeded', 'quota'],
    ['storage_full', 'storage_full'],
  ] as const)('stops for good when the server answers %s, and keeps nothing on the disk', async (code, reason) => {
    let calls = 0
    const { upload, arrived } = start((n) => {
      calls += 1
      return n < 1 ? Promise.resolve() : Promise.reject(new AppError(code))
    })
    for (let n = 0; n < 20; n++) await upload.push(chunk(n))
    expect(await upload.finish()).toBe(false)
    expect(upload.discarded).toBe(reason)
    for (let n = 20; n < 40; n++) await upload.push(chunk(n))
    expect([arrived, calls]).toEqual([[chunk(0)], 2])
    // What was made is still counted and hashed.
    expect(upload.made.chunks).toBe(40)
    expect(readdirSync(directory.path, { recursive: true }).filter((name) => String(name).includes('exe_'))).toEqual([])
    await upload[Symbol.asyncDispose]()
  })

  test('tries again while the server cannot be reached', async () => {
    let calls = 0
    const { upload } = start(() => {
      calls += 1
      return calls < 3 ? unreachable() : Promise.resolve()
    })
    await upload.push(chunk(0))
    expect(await upload.finish()).toBe(true)
    await upload[Symbol.asyncDispose]()
  })

  test('ends at once when the agent stops', async () => {
    const stopped = new AbortController()
    const { upload } = start(unreachable, { signal: stopped.signal })
    await upload.push(chunk(0))
    stopped.abort()
    expect(await upload.finish()).toBe(false)
    await upload[Symbol.asyncDispose]()
  })
})
