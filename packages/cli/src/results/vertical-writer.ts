import stringWidth from 'string-width'
import type { Sink } from '../io.ts'
import { printable, printableLines } from '../terminal/printable.ts'
import type { Palette } from '../terminal/safe-text.ts'
import type { ResultHeader, Value } from './read-result.ts'
import type { ResultWriter } from './result-writer.ts'

/** A line a column; values of several lines keep them. */
export function createVerticalWriter(stdout: Sink, palette: Palette): ResultWriter {
  let columns: ResultHeader['columns'] = []
  let width = 0
  let row = 0

  function record(values: readonly Value[]): string {
    const lines = columns.map(({ name }, i) => {
      const label = palette.bold(name).safe + ' '.repeat(width - stringWidth(printable(name)))
      return `${label} | ${valueText(values[i] ?? null)}`
    })
    row++
    return [palette.dim(`-[ row ${row} ]-`).safe, ...lines, ''].join('\n')
  }

  function valueText(value: Value): string {
    if (value === null) return palette.dim('NULL').safe
    if (typeof value !== 'string') return String(value)
    return printableLines(value).join(`\n${' '.repeat(width)} | `)
  }

  return {
    async header(given) {
      columns = given
      row = 0
      width = Math.max(0, ...columns.map(({ name }) => stringWidth(printable(name))))
    },
    async rows(rows) {
      await stdout.write(rows.map(record).join(''))
    },
    async end() {},
  }
}
