import { createHash, type Hash } from 'node:crypto'
import { MAX_CHUNK_BYTES, type ResultLine } from '@twinlock/contract'
import type { Column, RowSink, StatementResult, Value } from './drivers/driver.ts'

const MAX_LINE_ROWS = 500
/** A line is closed once it has this many characters; a row of more has one of its own. */
const LINE_CHARS = 256 * 1024
/** A longer text is written in parts: as JSON it may be six times as long. */
const PART_CHARS = 64 * 1024

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

  async function write(part: string): Promise<void> {
    const bytes = Buffer.from(part)
    section?.hash.update(bytes)
    await chunks.write(bytes)
  }

  const writeLine = (line: ResultLine) => write(`${JSON.stringify(line)}\n`)

  async function header(statement: number, columns: Column[]): Promise<void> {
    section = { statement, hash: createHash('sha256') }
    await writeLine({ statement, columns })
  }

  return {
    sink: (statement) => ({
      columns: (columns) =>
        header(
          statement,
          columns.map(({ name, type }) => ({ name, type })),
        ),
      async rows(rows) {
        for (const part of toParts(rows)) await write(part)
      },
    }),
    async trailer(statement, { rowCount, affectedRows, truncated }) {
      if (section?.statement !== statement) await header(statement, [])
      const sha256 = section?.hash.digest('hex') ?? ''
      section = undefined
      await writeLine({ row_count: rowCount, affected_rows: affectedRows, truncated, sha256 })
    },
    finish: () => chunks.flush(),
  }
}

/** Lines of rows, each row rendered by itself: one text of all of them could be longer than a string may be. */
function* toParts(rows: readonly Value[][]): Generator<string> {
  let line: string[] = []
  let chars = 0
  const close = () => {
    const text = `{"rows":[${line.join(',')}]}\n`
    line = []
    chars = 0
    return text
  }
  for (const row of rows) {
    if (isWide(row)) {
      if (line.length > 0) yield close()
      yield* toPartsOfRow(row)
      continue
    }
    const text = JSON.stringify(row)
    line.push(text)
    chars += text.length
    if (line.length === MAX_LINE_ROWS || chars >= LINE_CHARS) yield close()
  }
  if (line.length > 0) yield close()
}

function isWide(row: readonly Value[]): boolean {
  let chars = 0
  for (const value of row) if (typeof value === 'string') chars += value.length
  return chars > LINE_CHARS
}

/** A line of one row, the same bytes as if it were rendered whole. */
function* toPartsOfRow(row: readonly Value[]): Generator<string> {
  yield '{"rows":[['
  for (const [index, value] of row.entries()) {
    if (index > 0) yield ','
    if (typeof value !== 'string' || value.length <= PART_CHARS) {
      yield JSON.stringify(value)
      continue
    }
    yield '"'
    for (let at = 0; at < value.length; ) {
      // Not between the two halves of a character: each alone would be written as an escape.
      const isCut = (value.charCodeAt(at + PART_CHARS - 1) & 0xfc00) === 0xd800
      const end = at + PART_CHARS - (isCut ? 1 : 0)
      yield JSON.stringify(value.slice(at, end)).slice(1, -1)
      at = end
    }
    yield '"'
  }
  yield ']]}\n'
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
