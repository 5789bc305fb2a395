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

  const write = (text: string) => chunks.write(text, (bytes) => section?.hash.update(bytes))

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

const FIRST_BYTES = 4 * 1024

/** Puts texts into chunks as they come, without a copy between. */
function createSlicer(emit: ChunkSink) {
  const encoder = new TextEncoder()
  let chunk = new Uint8Array(FIRST_BYTES)
  let size = 0

  async function flush(): Promise<void> {
    if (size === 0) return
    const full = chunk.subarray(0, size)
    chunk = Buffer.allocUnsafeSlow(size > FIRST_BYTES ? MAX_CHUNK_BYTES : FIRST_BYTES)
    size = 0
    await emit(full)
  }

  function grow(): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(MAX_CHUNK_BYTES, chunk.length * 8))
    larger.set(chunk.subarray(0, size))
    chunk = larger
  }

  return {
    flush,
    async write(text: string, onBytes: (bytes: Uint8Array) => void): Promise<void> {
      for (let rest = text; rest !== ''; ) {
        const { read, written } = encoder.encodeInto(rest, chunk.subarray(size))
        if (written > 0) onBytes(chunk.subarray(size, size + written))
        size += written
        if (read === rest.length) return
        // What does not fit is a whole character, so up to three bytes of a chunk stay unused.
        rest = rest.slice(read)
        if (chunk.length < MAX_CHUNK_BYTES) grow()
        else await flush()
      }
    },
  }
}
