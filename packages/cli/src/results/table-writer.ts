import stringWidth from 'string-width'
import type { Sink } from '../io.ts'
import { printable } from '../terminal/printable.ts'
import type { Palette } from '../terminal/safe-text.ts'
import { cellText, isNumeric } from './cell-text.ts'
import type { ResultHeader, ResultRows, Value } from './read-result.ts'
import type { ResultWriter } from './result-writer.ts'

/** Widths are those of the first rows; a wider value further down moves its own line only, and memory stays bounded. */
const MEASURED_ROWS = 1000

export function createTableWriter(stdout: Sink, palette: Palette): ResultWriter {
  let columns: ResultHeader['columns'] = []
  let waiting: Value[][] = []
  let widths: number[] | undefined
  let statements = 0

  async function measure(): Promise<number[]> {
    const found = columns.map(({ name }, i) =>
      waiting.reduce(
        (widest, row) => Math.max(widest, stringWidth(plain(row[i] ?? null))),
        stringWidth(printable(name)),
      ),
    )
    const names = columns.map(({ name, type }, i) =>
      pad(palette.bold(name).safe, printable(name), found[i], isNumeric(type)),
    )
    const rule = found.map((width) => '-'.repeat(width)).join('-+-')
    await stdout.write(`${statements > 1 ? '\n' : ''}${line(names)}\n${rule}\n`)
    return found
  }

  async function flush(): Promise<void> {
    widths ??= await measure()
    const fixed = widths
    const lines = waiting.map((row) =>
      line(
        row.map((value, i) => {
          const shown = value === null ? palette.dim('NULL').safe : plain(value)
          return pad(shown, plain(value), fixed[i], isNumeric(columns[i]?.type ?? ''))
        }),
      ),
    )
    waiting = []
    if (lines.length > 0) await stdout.write(`${lines.join('\n')}\n`)
  }

  return {
    async header(given) {
      columns = given
      waiting = []
      widths = undefined
      if (columns.length > 0) statements++
    },
    async rows(rows: ResultRows) {
      for (const row of rows) waiting.push(row)
      if (widths !== undefined || waiting.length >= MEASURED_ROWS) await flush()
    },
    async end() {
      if (columns.length > 0) await flush()
    },
  }
}

function plain(value: Value): string {
  return value === null ? 'NULL' : cellText(value)
}

function pad(shown: string, measured: string, width = 0, right: boolean): string {
  const fill = ' '.repeat(Math.max(width - stringWidth(measured), 0))
  return right ? fill + shown : shown + fill
}

function line(cells: readonly string[]): string {
  return cells.join(' | ').trimEnd()
}
