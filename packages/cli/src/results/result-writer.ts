import type { Sink } from '../io.ts'
import type { Palette } from '../terminal/safe-text.ts'
import type { ResultHeader, ResultRows, ResultTrailer } from './read-result.ts'

/** Takes the statements of a result one after another and puts them on stdout as they come. */
export interface ResultWriter {
  header(columns: ResultHeader['columns'], statement: number): Promise<void>
  rows(rows: ResultRows): Promise<void>
  /** Without a trailer when the result broke off: what has come is still written. */
  end(trailer?: ResultTrailer): Promise<void>
}

export const OUTPUT_FORMATS = ['table', 'json', 'jsonl', 'csv', 'vertical'] as const
export type OutputFormat = (typeof OUTPUT_FORMATS)[number]

/** Each format is loaded when it is asked for: measuring text for a table alone takes longer than a short query. */
export async function createResultWriter(
  format: Exclude<OutputFormat, 'json'>,
  stdout: Sink,
  palette: Palette,
): Promise<ResultWriter> {
  switch (format) {
    case 'table':
      return (await import('./table-writer.ts')).createTableWriter(stdout, palette)
    case 'vertical':
      return (await import('./vertical-writer.ts')).createVerticalWriter(stdout, palette)
    case 'csv':
      return (await import('./csv-writer.ts')).createCsvWriter(stdout)
    case 'jsonl':
      return (await import('./jsonl-writer.ts')).createJsonlWriter(stdout)
  }
}
