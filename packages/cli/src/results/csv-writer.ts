import type { Sink } from '../io.ts'
import { printable } from '../terminal/printable.ts'
import type { Value } from './read-result.ts'
import type { ResultWriter } from './result-writer.ts'

/**
 * RFC 4180: CRLF, quotes where needed, a header line a statement. NULL is nothing, the empty string is `""`, as COPY of
 * PostgreSQL writes them. Exact in files and pipes; a terminal gets control characters made visible.
 */
export function createCsvWriter(stdout: Sink): ResultWriter {
  let wide = false
  let statements = 0
  const record = (values: readonly Value[]) => `${values.map((value) => field(value, stdout.isTTY)).join(',')}\r\n`
  return {
    async header(columns) {
      wide = columns.length > 0
      if (wide) await stdout.write((++statements > 1 ? '\r\n' : '') + record(columns.map(({ name }) => name)))
    },
    async rows(rows) {
      if (wide) await stdout.write(rows.map(record).join(''))
    },
    async end() {},
  }
}

function field(value: Value, forTerminal: boolean): string {
  if (value === null) return ''
  const content = forTerminal ? printable(String(value)) : String(value)
  return content === '' || /[",\r\n]/.test(content) ? `"${content.replaceAll('"', '""')}"` : content
}
