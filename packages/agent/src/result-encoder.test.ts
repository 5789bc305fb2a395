import { createHash } from 'node:crypto'
import { MAX_CHUNK_BYTES, resultLineSchema } from '@twinlock/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StatementResult, Value } from './drivers/driver.ts'
import { createResultEncoder } from './result-encoder.ts'

const DONE: StatementResult = { affectedRows: null, rowCount: 0, truncated: false }

function collector() {
  const chunks: Uint8Array[] = []
  const encoder = createResultEncoder((chunk) => {
    chunks.push(chunk)
  })
  const text = () => Buffer.concat(chunks).toString('utf8')
  const lines = () =>
    text()
      .split('\n')
      .slice(0, -1)
      .map((line) => resultLineSchema.parse(JSON.parse(line)))
  return { chunks, encoder, text, lines }
}

async function encode(rows: Value[][]) {
  const collected = collector()
  const sink = collected.encoder.sink(1)
  await sink.columns([{ name: 'a', type: 'text' }])
  await sink.rows(rows)
  await collected.encoder.trailer(1, { ...DONE, rowCount: rows.length })
  await collected.encoder.finish()
  return collected
}

const rowsOf = ({ lines }: ReturnType<typeof collector>) => lines().flatMap((line) => ('rows' in line ? line.rows : []))

describe('the result encoder', () => {
  test('gives each statement a header, its rows and a trailer', async () => {
    const { encoder, lines } = collector()
    const sink = encoder.sink(1)
    await sink.columns([
      { name: 'id', type: 'bigint' },
      { name: 'id', type: 'numeric(38,10)' },
    ])
    await sink.rows([['9007199254740993', '1.10']])
    await encoder.trailer(1, { affectedRows: null, rowCount: 1, truncated: false })
    await encoder.trailer(2, { affectedRows: 3, rowCount: null, truncated: false })
    await encoder.finish()
    expect(lines()).toEqual([
      {
        statement: 1,
        columns: [
          { name: 'id', type: 'bigint' },
          { name: 'id', type: 'numeric(38,10)' },
        ],
      },
      { rows: [['9007199254740993', '1.10']] },
      { row_count: 1, affected_rows: null, truncated: false, sha256: expect.any(String) },
      { statement: 2, columns: [] },
      { row_count: null, affected_rows: 3, truncated: false, sha256: expect.any(String) },
    ])
  })

  test('hashes the bytes of a section before its trailer', async () => {
    const { text, lines } = await encode([['é']])
    const lineTexts = text().split('\n')
    const hash = createHash('sha256').update(`${lineTexts[0]}\n${lineTexts[1]}\n`).digest('hex')
    expect(lines().at(-1)).toMatchObject({ sha256: hash })
  })

  test('keeps every value as it was', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
      fc.boolean(),
      fc.constant(null),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(value), { maxLength: 50 }), async (rows) => {
        expect(rowsOf(await encode(rows))).toEqual(rows)
      }),
    )
  })

  test('closes a line at 500 rows', async () => {
    const { lines } = await encode(Array.from({ length: 1201 }, (_, i) => [i]))
    expect(lines().flatMap((line) => ('rows' in line ? [line.rows.length] : []))).toEqual([500, 500, 201])
  })

  test('closes a line of wide rows sooner', async () => {
    const { lines } = await encode(Array.from({ length: 8 }, () => ['x'.repeat(100_000)]))
    expect(lines().flatMap((line) => ('rows' in line ? [line.rows.length] : []))).toEqual([3, 3, 2])
  })

  test('writes a long text in parts that make the same bytes', async () => {
    const units = ['a', '"', '\u0001', 'ä', '日', '🔒', '\\']
    for (const unit of units) {
      for (const before of ['', 'x']) {
        const row = [1, before + unit.repeat(300_000), null, 'short', true]
        const { text } = await encode([['first'], row, ['last']])
        expect(text().split('\n').slice(1, 4)).toEqual(
          [['first'], row, ['last']].map((one) => JSON.stringify({ rows: [one] })),
        )
      }
    }
  })

  test('cuts chunks at the limit, and a row may span several', async () => {
    const wide = 'ä'.repeat(1_500_000)
    const collected = await encode([[wide], ['end']])
    const sizes = collected.chunks.map((chunk) => chunk.length)
    expect(sizes.length).toBe(4)
    for (const size of sizes.slice(0, -1)) {
      expect(size).toBeLessThanOrEqual(MAX_CHUNK_BYTES)
      expect(size).toBeGreaterThan(MAX_CHUNK_BYTES - 4)
    }
    expect(rowsOf(collected)).toEqual([[wide], ['end']])
  })

  test('makes a small result one chunk', async () => {
    expect((await encode([['a'], ['b']])).chunks.length).toBe(1)
  })

  test('holds the driver back while a chunk is not taken', async () => {
    const taken = Promise.withResolvers<void>()
    const encoder = createResultEncoder(() => taken.promise)
    const sink = encoder.sink(1)
    await sink.columns([])
    let isDone = false
    const writing = Promise.resolve(sink.rows([['x'.repeat(MAX_CHUNK_BYTES)]])).then(() => {
      isDone = true
    })
    await new Promise(setImmediate)
    expect(isDone).toBe(false)
    taken.resolve()
    await writing
    expect(isDone).toBe(true)
  })
})
