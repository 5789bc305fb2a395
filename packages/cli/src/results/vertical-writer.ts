import type { Sink } from '../io.ts'
import { printable, printableLines } from '../terminal/printable.ts'
import type { Palette } from '../terminal/safe-text.ts'
import { foldToWidth, widthOf } from '../terminal/text-width.ts'
import { notNull, painted } from './cell-text.ts'
import type { ResultHeader, Value } from './read-result.ts'
import type { ResultWriter } from './result-writer.ts'
import { FOLD_SEPARATOR, SEPARATOR } from './table-layout.ts'

/** Narrower than this values are left to the terminal. */
const NARROWEST = 10

/** A line a column; values of several lines keep them, and in a terminal long ones are folded beside their names. */
export function createVerticalWriter(stdout: Sink, palette: Palette): ResultWriter {
  let columns: ResultHeader['columns'] = []
  let width = 0
  let row = 0

  function record(values: readonly Value[]): string {
    const lines = columns.flatMap(({ name }, i) => {
      const label = palette.bold(name).safe + ' '.repeat(width - widthOf(printable(name)))
      return valueLines(values[i] ?? null).map((line, at) => (at === 0 ? label : ' '.repeat(width)) + line)
    })
    row++
    return [palette.dim(`-[ row ${row} ]-`).safe, ...lines, ''].join('\n')
  }

  /** Each with the separator before it. */
  function valueLines(value: Value): string[] {
    if (value === null) return [SEPARATOR + painted(palette, null, 'NULL')]
    const lines = typeof value === 'string' ? printableLines(notNull(value)) : [String(value)]
    const room = (stdout.columns ?? Number.POSITIVE_INFINITY) - width - SEPARATOR.length
    return lines.flatMap((line) =>
      (room < NARROWEST || line.includes('\t') || line.length * 2 <= room ? [line] : foldToWidth(line, room)).map(
        (part, at) => (at === 0 ? SEPARATOR : FOLD_SEPARATOR) + part,
      ),
    )
  }

  return {
    async header(given) {
      columns = given
      row = 0
      width = Math.max(0, ...columns.map(({ name }) => widthOf(printable(name))))
    },
    async rows(rows) {
      await stdout.write(rows.map(record).join(''))
    },
    async end() {},
  }
}
