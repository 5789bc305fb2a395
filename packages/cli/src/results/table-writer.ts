import type { Sink } from '../io.ts'
import { printable } from '../terminal/printable.ts'
import type { Palette } from '../terminal/safe-text.ts'
import { foldToWidth, widthOf } from '../terminal/text-width.ts'
import { cellText, isNumeric, isWord, painted } from './cell-text.ts'
import type { ResultHeader, ResultRows, Value } from './read-result.ts'
import type { ResultWriter } from './result-writer.ts'
import { FOLD_SEPARATOR, layOut, SEPARATOR } from './table-layout.ts'
import { createVerticalWriter } from './vertical-writer.ts'

/** Widths are those of the first rows; a wider value further down moves its own line only, and memory stays bounded. */
const MEASURED_ROWS = 1000
const MEASURED_LENGTH = 1_000_000

/** A table; in a terminal it is folded to its width, and what cannot be is written a line a column. */
export function createTableWriter(stdout: Sink, palette: Palette): ResultWriter {
  const upright = createVerticalWriter(stdout, palette)
  let columns: ResultHeader['columns'] = []
  let waiting: Value[][] = []
  let length = 0
  let layout: readonly number[] | 'vertical' | undefined
  let statement = 0
  let tables = 0

  async function flush(): Promise<void> {
    const widths = layout ?? (await begin())
    const rows = waiting
    waiting = []
    length = 0
    if (widths === 'vertical') return upright.rows(rows)
    const lines = rows.flatMap((row) =>
      rowLines(row.map(cellText), widths, (part, i) => painted(palette, row[i] ?? null, part)),
    )
    if (lines.length > 0) await stdout.write(`${lines.join('\n')}\n`)
  }

  async function begin(): Promise<readonly number[] | 'vertical'> {
    const measured = columns.map(({ name, type }, i) => {
      const cells = waiting.map((row) => cellText(row[i] ?? null))
      return {
        width: cells.reduce((widest, cell) => Math.max(widest, widthOf(cell)), widthOf(printable(name))),
        numeric: isNumeric(type),
        word: cells.every((cell) => isWord(type, cell)),
      }
    })
    if (tables++ > 0) await stdout.write('\n')
    const widths = layOut(measured, stdout.columns)
    layout = widths ?? 'vertical'
    if (!widths) await upright.header(columns, statement)
    else {
      const names = columns.map(({ name }) => printable(name))
      const rule = widths.map((width) => '-'.repeat(width)).join('-+-')
      const head = rowLines(names, widths, (part) => palette.bold({ safe: part }).safe)
      await stdout.write(`${head.join('\n')}\n${rule}\n`)
    }
    return layout
  }

  /** A row as one line, or more where a terminal is too narrow for it. */
  function rowLines(cells: readonly string[], widths: readonly number[], paint: (part: string, i: number) => string) {
    const folds = mustFold(cells, widths)
    const parts = cells.map((cell, i) => (folds ? foldToWidth(cell, widths[i] ?? 1) : [cell]))
    const height = Math.max(1, ...parts.map(({ length }) => length))
    return Array.from({ length: height }, (_, at) =>
      parts
        .map((lines, i) => {
          const part = lines[at] ?? ''
          const fill = ' '.repeat(Math.max((widths[i] ?? 0) - widthOf(part), 0))
          const shown = part === '' ? '' : paint(part, i)
          return isNumeric(columns[i]?.type ?? '') ? fill + shown : shown + fill
        })
        .join(at === 0 ? SEPARATOR : FOLD_SEPARATOR)
        .trimEnd(),
    )
  }

  function mustFold(cells: readonly string[], widths: readonly number[]): boolean {
    if (stdout.columns === undefined || widths.length < 2) return false
    const whole = cells.reduce((sum, cell, i) => sum + Math.max(widthOf(cell), widths[i] ?? 0), 0)
    return whole + SEPARATOR.length * (widths.length - 1) > stdout.columns
  }

  return {
    async header(given, number) {
      columns = given
      statement = number
      waiting = []
      layout = undefined
    },
    async rows(rows: ResultRows) {
      for (const row of rows) {
        waiting.push(row)
        for (const value of row) length += typeof value === 'string' ? value.length : 1
        if (layout === undefined && (waiting.length >= MEASURED_ROWS || length >= MEASURED_LENGTH)) await flush()
      }
      if (layout !== undefined) await flush()
    },
    async end() {
      if (columns.length > 0) await flush()
    },
  }
}
