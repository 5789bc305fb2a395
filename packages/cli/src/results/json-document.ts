import type { ExecutionView, Problem, RequestView } from '@twinlock/contract'
import type { Sink } from '../io.ts'
import { jsonText } from './json-text.ts'
import type { ResultWriter } from './result-writer.ts'

interface JsonDocument extends ResultWriter {
  /** Closes whatever is open: also a broken result ends as one valid document, with `error`. */
  close(error?: Problem): Promise<void>
}

/**
 * `{"request", "execution", "results": [{"statement", "columns", "rows", "row_count", "affected_rows", "truncated"}],
 * "error"?}`, written while it arrives. A statement that broke off has no counts.
 */
export async function openJsonDocument(
  stdout: Sink,
  request: RequestView,
  execution: ExecutionView | null,
): Promise<JsonDocument> {
  let first = true
  let open = false
  let rowsWritten = 0
  await stdout.write(`{"request":${jsonText(request)},"execution":${jsonText(execution)},"results":[`)
  const document: JsonDocument = {
    async header(columns, statement) {
      open = true
      rowsWritten = 0
      const comma = first ? '' : ','
      first = false
      await stdout.write(`${comma}{"statement":${statement},"columns":${jsonText(columns)},"rows":[`)
    },
    async rows(rows) {
      if (rows.length === 0) return
      await stdout.write((rowsWritten > 0 ? ',' : '') + rows.map(jsonText).join(','))
      rowsWritten += rows.length
    },
    async end(trailer) {
      open = false
      if (!trailer) return stdout.write(']}')
      const { row_count, affected_rows, truncated } = trailer
      await stdout.write(`],${jsonText({ row_count, affected_rows, truncated }).slice(1)}`)
    },
    async close(error) {
      if (open) await document.end()
      await stdout.write(error ? `],"error":${jsonText(error)}}\n` : ']}\n')
    },
  }
  return document
}
