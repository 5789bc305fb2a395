import { createHash, type Hash } from 'node:crypto'
import { MAX_CHUNK_BYTES, type ResultLine } from '@twinlock/contract'
import type { Column, RowSink, StatementResult, Value } from './drivers/driver.ts'

const MAX_LINE_ROWS = 500
/** A line is closed once it has this many characters; one row may still be longer. */
const LINE_CHARS = 256 * 1024

/** Takes one chunk; a returned promise holds the rows back. */
export type ChunkSink = (chunk: Uint8Array<ArrayBuffer>) => Promise<void> | void

/** Writes the results of an execution's statements as NDJSON, in chunks of at most `MAX_CHUNK_BYTES`. */
export interface ResultEncoder {
  /** Where the driver puts one statement's rows; `statement` counts from 1. */
  sink(statement: number): RowSink
  /** Ends the statement's section; one that returns no columns has a header without any. */
  trailer(statement: number, result: StatementResult): Promise<void>
  /** Hands over what does not fill a chunk. */
  finish(): Promise<void>
}

export function createResultEncoder(emit: ChunkSink): ResultEncoder {
  const chunks = createSlicer(emit)
  let section: { statement: number; hash: Hash } | undefined

  async function write(line: string): Promise<void> {
    const bytes = Buffer.from(`${line}\n`)
    section?.hash.update(bytes)
    await chunks.write(bytes)
  }

  async function header(statement: number, columns: Column[]): Promise<void> {
    section = { statement, hash: createHash('sha256') }
    await write(JSON.stringify({ statement, columns } satisfies ResultLine))
  }

  return {
    sink: (statement) => ({
      columns: (columns) =>
        header(
          statement,
          columns.map(({ name, type }) => ({ name, type })),
        ),
      async rows(rows) {
        for (const line of toLines(rows)) await write(line)
      },
    }),
    async trailer(statement, { rowCount, affectedRows, truncated }) {
      if (section?.statement !== statement) await header(statement, [])
      const sha256 = section?.hash.digest('hex') ?? ''
      section = undefined
      await write(
        JSON.stringify({
          row_count: rowCount,
          affected_rows: affectedRows,
          truncated,
          sha256,
        } satisfies ResultLine),
      )
    },
    finish: () => chunks.flush(),
  }
}

/** Each row is rendered by itself: one text of all of them could be longer than a string may be. */
function* toLines(rows: readonly Value[][]): Generator<string> {
  let parts: string[] = []
  let chars = 0
  for (const row of rows) {
    const part = JSON.stringify(row)
    parts.push(part)
    chars += part.length
    if (parts.length < MAX_LINE_ROWS && chars < LINE_CHARS) continue
    yield `{"rows":[${parts.join(',')}]}`
    parts = []
    chars = 0
  }
  if (parts.length > 0) yield `{"rows":[${parts.join(',')}]}`
}

function createSlicer(emit: ChunkSink) {
  let parts: Uint8Array[] = []
  let size = 0

  async function flush(): Promise<void> {
    if (size === 0) return
    const chunk = new Uint8Array(size)
    let offset = 0
    for (const part of parts) {
      chunk.set(part, offset)
      offset += part.length
    }
    parts = []
    size = 0
    await emit(chunk)
  }

  return {
    flush,
    async write(bytes: Uint8Array): Promise<void> {
      for (let rest = bytes; rest.length > 0; ) {
        const part = rest.subarray(0, MAX_CHUNK_BYTES - size)
        parts.push(part)
        size += part.length
        rest = rest.subarray(part.length)
        if (size === MAX_CHUNK_BYTES) await flush()
      }
    },
  }
}
