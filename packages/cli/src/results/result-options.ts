import type { Io } from '../io.ts'
import { type OutputTarget, readOutputOption } from './output-file.ts'
import type { OutputFormat } from './result-writer.ts'

/** What the options of a command that prints a result say about it. */
export interface ResultInput {
  readonly format: OutputFormat | undefined
  readonly output: string | undefined
  readonly force: boolean
}

/** How the rows are to be written, and where if not to stdout. */
export interface ResultOptions {
  readonly format: OutputFormat | undefined
  readonly output: OutputTarget | undefined
}

export async function readResultOptions(io: Io, input: ResultInput): Promise<ResultOptions> {
  return { format: input.format, output: await readOutputOption(io, input) }
}
