import { type ExecutionView, formatDuration, type ResultReason } from '@twinlock/contract'
import { joined, type SafeText, text } from '../terminal/safe-text.ts'
import { countText, plural } from '../terminal/time-text.ts'

interface Counts {
  readonly row_count: number | null
  readonly affected_rows: number | null
  readonly truncated?: boolean
}

/** `3 rows   41 ms   agent prod-1`: the last line of what succeeded. */
export function summaryLine(execution: ExecutionView, truncated: boolean): SafeText {
  const [only] = execution.statements
  const what =
    execution.statements.length === 1 && only
      ? countsText({ ...only, truncated })
      : text`${plural(execution.statements.length, 'statement')}`
  const parts: SafeText[] = [what]
  if (execution.duration_ms !== null) parts.push(text`${formatDuration(execution.duration_ms)}`)
  if (execution.agent !== null) parts.push(text`agent ${execution.agent}`)
  return joined(parts, '   ')
}

/** `statement 2: 1 row affected` */
export function statementSummary(statement: number, counts: Counts): SafeText {
  return text`statement ${statement}: ${countsText(counts)}`
}

function countsText({ row_count, affected_rows, truncated }: Counts): SafeText {
  const parts: SafeText[] = []
  if (affected_rows !== null) parts.push(text`${plural(affected_rows, 'row')} affected`)
  // INSERT … RETURNING gives back the rows it wrote: one number says both.
  if (row_count !== null && row_count !== affected_rows) parts.push(text`${plural(row_count, 'row')}`)
  if (truncated) parts.push(text`cut off at the limit: there are more`)
  return parts.length === 0 ? text`done` : joined(parts, ', ')
}

/** Rows that all statements together changed; null when none counts any. */
function affectedRows(execution: ExecutionView): number | null {
  const counts = execution.statements.flatMap(({ affected_rows }) => affected_rows ?? [])
  return counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0)
}

/** What became of the database, in words. */
export function effectText(execution: ExecutionView): SafeText {
  const rows = affectedRows(execution)
  switch (execution.effect) {
    case 'committed':
      return text`committed${rows === null ? '' : `; ${countText(rows)} row${rows === 1 ? '' : 's'} affected`}`
    case 'rolled_back':
      return text`rolled back: nothing changed`
    case 'none':
      return execution.status === 'succeeded' ? text`nothing changed` : text`nothing ran: nothing changed`
    case 'partial':
      return text`part of it took effect`
    case 'unknown':
      return text`nobody can say what took effect`
    case null:
      return text`not ended`
  }
}

/** Why a result is not there. */
export const GONE_BECAUSE: Readonly<Record<ResultReason, string>> = {
  quota: "the server's room for results is used up",
  storage_full: "the server's disk is full",
  retention: 'results are kept for a time only',
}
