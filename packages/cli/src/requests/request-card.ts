import { formatDuration, type RequestView } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import { printableLines, printableSql } from '../terminal/printable.ts'
import { indented, joined, type Palette, type SafeText, text } from '../terminal/safe-text.ts'
import { plural, relativeText, sizeText, timeText } from '../terminal/time-text.ts'

const LABEL_WIDTH = 10

/** Everything somebody decides on, below a title: reason, SQL, what it is, limits, digest. */
export function requestCard(request: RequestView, palette: Palette, now: number): SafeText {
  const { limits } = request
  const lines = [
    field(palette, 'reason', request.reason === null ? [text`none given`] : safeLines(request.reason)),
    field(palette, 'sql', sqlLines(request)),
    field(palette, 'runs', statementLines(request)),
    field(palette, 'limits', [
      text`${formatDuration(limits.statement_timeout_ms)} a statement, ${plural(limits.max_rows, 'row')}${expiry(request, now)}`,
      text`${formatDuration(limits.lock_timeout_ms)} for a lock, ${sizeText(limits.max_result_bytes)} of result, ${sizeText(limits.max_field_bytes)} a value`,
    ]),
    field(palette, 'digest', [text`${shortDigest(request.work_order_digest)}`]),
  ]
  return joined(lines, '\n')
}

/** `  label     first line` and the rest below it. */
export function field(palette: Palette, label: string, lines: readonly SafeText[]): SafeText {
  const rest = `\n${' '.repeat(LABEL_WIDTH + 2)}`
  return text`  ${palette.dim(label.padEnd(LABEL_WIDTH))}${{ safe: lines.map(({ safe }) => safe).join(rest) }}`
}

/** `7f3a 09c1 … c901`: enough to compare by voice. */
function shortDigest(digest: string): string {
  const hex = digest.replace(/^sha256:/, '')
  return `${hex.slice(0, 4)} ${hex.slice(4, 8)} … ${hex.slice(-4)}`
}

function sqlLines(request: RequestView): SafeText[] {
  const shown = printableSql(request.sql)
  if (!shown.ok)
    throw new CliError(
      'sql_not_printable',
      `The SQL of #${request.number} cannot be shown as it is: ${shown.why}.`,
      'Nobody should decide on what they cannot read: reject it, and have it submitted again as plain text.',
    )
  const lines = shown.lines.map((line) => indented([line], '', ''))
  const notes = [
    shown.lines.length > 30 ? plural(shown.lines.length, 'line') : '',
    shown.crlf ? 'lines end with CRLF' : '',
  ]
  const note = notes.filter(Boolean).join(', ')
  return note ? [...lines, text`(${note})`] : lines
}

function statementLines(request: RequestView): SafeText[] {
  const many = request.statements.length > 1
  return request.statements.flatMap(({ operation, reasons, transactional }, i) => {
    const number = many ? `${i + 1}. ` : ''
    const first = text`${number}${operation}${transactional ? '' : ', outside a transaction: it cannot be rolled back'}`
    return [first, ...reasons.map(({ message }) => text`${' '.repeat(number.length + 2)}${message}`)]
  })
}

function expiry(request: RequestView, now: number): string {
  if (request.expires_at === null) return ''
  return `; ${Date.parse(request.expires_at) < now ? 'expired' : 'expires'} ${relativeText(request.expires_at, now)} (${timeText(request.expires_at, now)})`
}

function safeLines(content: string): SafeText[] {
  return printableLines(content).map((line) => indented([line], '', ''))
}
