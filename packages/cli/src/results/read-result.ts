import { createHash } from 'node:crypto'
import { type ResultLine, resultLineSchema } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import { splitLines } from './split-lines.ts'

export type ResultHeader = Extract<ResultLine, { statement: number }>
export type ResultRows = Extract<ResultLine, { rows: unknown }>['rows']
export type ResultTrailer = Extract<ResultLine, { sha256: string }>
export type Value = ResultRows[number][number]

/**
 * The lines of a result in order, checked: each statement has a header, rows as wide as it and a trailer whose SHA-256
 * is that of the bytes before it (header and rows, each with its line feed). Whatever else arrives, or does not, throws.
 */
export async function* readResult(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ResultLine> {
  let open:
    | { readonly statement: number; readonly width: number; readonly hash: ReturnType<typeof createHash> }
    | undefined
  let last = 0
  for await (const raw of splitLines(bytes)) {
    const line = parseLine(raw, last)
    if ('statement' in line) {
      if (open) throw incomplete(`Statement ${open.statement} has no end`)
      if (line.statement <= last) throw incomplete(`Statement ${line.statement} came after statement ${last}`)
      last = line.statement
      open = { statement: line.statement, width: line.columns.length, hash: createHash('sha256') }
      open.hash.update(raw).update('\n')
    } else if (!open) throw incomplete('Rows came outside of any statement')
    else if ('rows' in line) {
      const { width } = open
      if (line.rows.some((row) => row.length !== width))
        throw incomplete(`A row of statement ${open.statement} does not fit its columns`)
      open.hash.update(raw).update('\n')
    } else {
      if (open.hash.digest('hex') !== line.sha256)
        throw incomplete(
          `The rows of statement ${open.statement} are not those that the agent sent (their SHA-256 differs)`,
        )
      open = undefined
    }
    yield line
  }
  if (open) throw incomplete(`The result ended in the middle of statement ${open.statement}`)
}

function parseLine(raw: Uint8Array, last: number): ResultLine {
  try {
    return resultLineSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)))
  } catch (error) {
    throw incomplete(`After statement ${last || 1} began, something came that is not a line of a result`, error)
  }
}

export function incomplete(what: string, cause?: unknown): CliError {
  return new CliError(
    'result_incomplete',
    `${what}. What was printed is not the whole result.`,
    'Read it again: twinlock result NUMBER.',
    cause,
  )
}
