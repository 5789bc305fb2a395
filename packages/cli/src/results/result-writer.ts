import type { Sink } from '../io.ts'
import type { Palette } from '../terminal/safe-text.ts'
import { createCsvWriter } from './csv-writer.ts'
import { createJsonlWriter } from './jsonl-writer.ts'
import type { ResultHeader, ResultRows, ResultTrailer } from './read-result.ts'
import { createTableWriter } from './table-writer.ts'
import { createVerticalWriter } from './vertical-writer.ts'

/** Takes the statements of a result one after another and puts them on stdout as they come. */
export interface ResultWriter {
  header(columns: ResultHeader['columns'], statement: number): Promise<void>
  rows(rows: ResultRows): Promise<void>
  /** Without a trailer when the result broke off: what has come is still written. */
  end(trailer?: ResultTrailer): Promise<void>
}

export type OutputFormat = 'table' | 'json' | 'jsonl' | 'csv' | 'vertical'

export function createResultWriter(
  format: Exclude<OutputFormat, 'json'>,
  stdout: Sink,
  palette: Palette,
): ResultWriter {
  switch (format) {
    case 'table':
      return createTableWriter(stdout, palette)
    case 'vertical':
      return createVerticalWriter(stdout, palette)
    case 'csv':
      return createCsvWriter(stdout)
    case 'jsonl':
      return createJsonlWriter(stdout)
  }
}
