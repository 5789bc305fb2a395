import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api, isAppError, type Outcome } from '@twinlock/contract'
import { DEFAULT_CONFIG, startTestServer } from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Held, refusal } from './fixtures/manual-agent.ts'
import { type ProtocolSetup, startProtocol } from './fixtures/protocol-setup.ts'

const KIB = 1024
const block = (bytes: number) => Buffer.alloc(bytes, 'x')

let protocol: ProtocolSetup
const start = async (results: string) => {
  protocol = await startProtocol(`[results]\nreserve = 1\n${results}\n`)
}
beforeEach(() => start('quota = "100KiB"\nretention = "1h"'))
afterEach(() => protocol[Symbol.asyncDispose]())

/** An execution that has started, with the first chunk of its result. */
async function running(bytes = 0): Promise<Held> {
  const { id } = await protocol.queue()
  const leases = await protocol.dev.poll({ free_capacity: 10 })
  const lease = leases.find(({ execution_id }) => execution_id === id)
  if (!lease) throw new Error('nothing was leased')
  await protocol.dev.start(lease)
  if (bytes > 0) await protocol.dev.chunk(lease, 0, block(bytes))
  return lease
}

async function ended(bytes: number): Promise<string> {
  const lease = await running(bytes)
  await protocol.dev.report(lease, { chunks: 1 })
  protocol.clock.advance(1000)
  return lease.execution_id
}

const kept = () =>
  readdirSync(join(protocol.server.stateDir, 'results'))
    .filter((name) => name.startsWith('exe_'))
    .sort()
const read = async (id: string) => {
  const parts: Uint8Array[] = []
  for await (const part of await protocol.alice.client.stream(api.executions.result, { params: { id } }))
    parts.push(part)
  return Buffer.concat(parts)
}
const discarded = (result_discarded: Outcome['result_discarded']) => ({
  chunks: 3,
  result_discarded: result_discarded ?? null,
})

describe('the room for results', () => {
  it('is made by deleting the oldest results that have ended', async () => {
    const [first, second] = [await ended(40 * KIB), await ended(40 * KIB)]
    const third = await ended(40 * KIB)
    expect(kept()).toEqual([second, third].sort())
    expect(await protocol.show(first)).toMatchObject({ status: 'succeeded', result: 'expired', result_reason: 'quota' })
    expect(await refusal(read(first))).toMatchObject({
      code: 'result_expired',
      detail: 'the room for results was used up',
    })
    expect((await protocol.events(first)).at(-1)).toMatchObject({ type: 'result.expired', data: { reason: 'quota' } })
    expect(await read(third)).toHaveLength(40 * KIB)
  })

  it('is never made of a result that is still growing', async () => {
    const growing = await running(90 * KIB)
    const other = await running()
    expect(await refusal(protocol.dev.chunk(other, 0, block(20 * KIB)))).toMatchObject({
      code: 'result_quota_exceeded',
    })
    expect(kept()).toEqual([growing.execution_id])
  })

  it('is never made of a result that is being read', async () => {
    const read = await ended(90 * KIB)
    const growing = await running()
    const release = protocol.server.server.ctx.room.startReading(read)
    expect(await refusal(protocol.dev.chunk(growing, 0, block(20 * KIB)))).toMatchObject({
      code: 'result_quota_exceeded',
    })
    expect(kept()).toEqual([read])
    release?.()
    await protocol.dev.chunk(growing, 0, block(20 * KIB))
    expect(await protocol.show(read)).toMatchObject({ result: 'expired' })
  })

  it('is not used up by chunks that arrive with the word that there are none', async () => {
    await protocol[Symbol.asyncDispose]()
    await start('quota = "1GiB"')
    for (let round = 0; round < 10; round++) {
      const lease = await running()
      await Promise.allSettled([
        ...[0, 1, 2, 3, 4].map((n) => protocol.dev.chunk(lease, n, block(66 * KIB))),
        protocol.dev.report(lease, round % 2 === 0 ? { chunks: 0 } : discarded('quota')),
      ])
    }
    expect([kept(), protocol.server.server.ctx.room.usedBytes]).toEqual([[], 0])
  })

  it('is not taken from others for a result that is larger than all of it', async () => {
    const other = await ended(40 * KIB)
    const large = await running()
    expect(await refusal(protocol.dev.chunk(large, 0, block(101 * KIB)))).toMatchObject({
      code: 'result_quota_exceeded',
    })
    expect(kept()).toEqual([other])
  })

  it('is the same whether a chunk comes once or ten times', async () => {
    const lease = await running(60 * KIB)
    await Promise.all(Array.from({ length: 10 }, () => protocol.dev.chunk(lease, 0, block(60 * KIB))))
    await Promise.all(Array.from({ length: 10 }, () => protocol.dev.chunk(lease, 1, block(30 * KIB))))
    await protocol.dev.report(lease, { chunks: 2 })
    expect(protocol.server.server.ctx.room.usedBytes).toBe(90 * KIB)
  })

  it('is held by the quota, however many results grow at once', async () => {
    for (let n = 0; n < 3; n++) await ended(20 * KIB)
    const leases: Held[] = []
    for (let n = 0; n < 12; n++) leases.push(await running())
    const answers = await Promise.allSettled(leases.map((lease) => protocol.dev.chunk(lease, 0, block(20 * KIB))))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    for (const answer of answers)
      if (answer.status === 'rejected') expect(isAppError(answer.reason, 'result_quota_exceeded')).toBe(true)
    expect(protocol.server.server.ctx.room.usedBytes).toBe(100 * KIB)
    expect(kept()).toHaveLength(5)
  })
})

describe('a result that could not be kept', () => {
  it('leaves what was done as it is, and says why', async () => {
    const lease = await running(20 * KIB)
    await protocol.dev.report(lease, discarded('quota'))
    const id = lease.execution_id
    expect(await protocol.show(id)).toMatchObject({
      status: 'succeeded',
      effect: 'committed',
      result: 'discarded',
      result_reason: 'quota',
    })
    expect(await refusal(read(id))).toMatchObject({
      code: 'result_discarded',
      detail: 'the room for results was used up',
    })
    // What had come of it gives its room back.
    expect([kept(), protocol.server.server.ctx.room.usedBytes]).toEqual([[], 0])
    expect((await protocol.events(id)).at(-1)).toMatchObject({ data: { result_discarded: 'quota' } })
  })

  it('is not what an agent may call one that was kept for long enough', async () => {
    const lease = await running(20 * KIB)
    const report = { chunks: 1, result_discarded: 'retention' } as unknown as Partial<Outcome>
    expect(await refusal(protocol.dev.report(lease, report))).toMatchObject({ code: 'invalid_request' })
  })
})

describe('results that are kept for long enough', () => {
  it('are deleted, and reading one says so', async () => {
    const id = await ended(10 * KIB)
    await protocol.pass(3_590_000)
    expect(kept()).toEqual([id])
    await protocol.pass(20_000)
    await vi.waitFor(() => expect([kept(), protocol.server.server.ctx.room.usedBytes]).toEqual([[], 0]))
    expect(await protocol.show(id)).toMatchObject({ result: 'expired', result_reason: 'retention' })
    expect(await refusal(read(id))).toMatchObject({ code: 'result_expired' })
  })

  it('wait for who reads them', async () => {
    const id = await ended(10 * KIB)
    const release = protocol.server.server.ctx.room.startReading(id)
    await protocol.pass(7_200_000)
    expect(kept()).toEqual([id])
    release?.()
    await protocol.pass(1)
    await vi.waitFor(() => expect(kept()).toEqual([]))
  })
})

describe('the reserve of the disk', () => {
  it('is not for results: they are refused while it is not free', async () => {
    await protocol[Symbol.asyncDispose]()
    protocol = await startProtocol('[results]\nreserve = "900TiB"\n')
    const lease = await running()
    expect(await refusal(protocol.dev.chunk(lease, 0, 'x'))).toMatchObject({ code: 'storage_full' })
    await protocol.dev.report(lease, discarded('storage_full'))
    expect(await protocol.show(lease.execution_id)).toMatchObject({
      status: 'succeeded',
      result: 'discarded',
      result_reason: 'storage_full',
    })
  })
})

describe('a server that starts', () => {
  it('counts what is there, and removes what no execution knows of', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'twinlock-room-'))
    const results = join(stateDir, 'results')
    const orphan = `exe_${'0'.repeat(26)}`
    await using first = await startTestServer({ stateDir })
    await first[Symbol.asyncDispose]()
    mkdirSync(join(results, orphan))
    writeFileSync(join(results, orphan, '0.chunk'), 'x')
    mkdirSync(join(results, 'not-ours'))
    await using second = await startTestServer({ stateDir })
    expect(readdirSync(results).sort()).toEqual(['not-ours', 'server-id'])
    expect(second.server.ctx.room.usedBytes).toBe(0)
    await second[Symbol.asyncDispose]()
    rmSync(stateDir, { recursive: true })
  })

  it('keeps the results there were, and what a crash left half-written is gone', async () => {
    const id = await ended(10 * KIB)
    const { stateDir } = protocol.server
    const part = join(stateDir, 'results', id, '1.chunk.x.part')
    writeFileSync(part, block(5 * KIB))
    await protocol.server.server[Symbol.asyncDispose]()
    await using again = await startTestServer({ stateDir })
    expect(again.server.ctx.room.usedBytes).toBe(10 * KIB)
    expect([kept(), existsSync(part)]).toEqual([[id], false])
  })

  it("does not touch another server's results", async () => {
    const dir = mkdtempSync(join(tmpdir(), 'twinlock-room-'))
    const config = `${DEFAULT_CONFIG}\n[results]\ndir = ${JSON.stringify(dir)}\n`
    await using one = await startTestServer({ config })
    expect(readdirSync(dir)).toEqual(['server-id'])
    await expect(startTestServer({ config })).rejects.toThrow(/results of another server/)
    await one[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true })
  })
})
