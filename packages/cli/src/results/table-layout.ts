/** Between columns, and between those of the lines that a folded row goes on with. */
export const SEPARATOR = ' | '
export const FOLD_SEPARATOR = ' : '
/** No column is folded to less than this: it would be read down, not along. */
const NARROWEST = 12

export interface MeasuredColumn {
  readonly width: number
  /** Numbers are not folded: half a number is another one. */
  readonly numeric: boolean
  /** Times, identifiers and names are kept whole as long as others can give way. */
  readonly word: boolean
}

/**
 * Widths in which a table fits into a terminal, the widest columns folded first; undefined when it cannot be done and
 * every row is better read on its own. A single column is left to the terminal: its lines stay whole for copying.
 */
export function layOut(columns: readonly MeasuredColumn[], room: number | undefined): readonly number[] | undefined {
  const natural = columns.map(({ width }) => width)
  if (room === undefined || columns.length < 2) return natural
  const available = room - SEPARATOR.length * (columns.length - 1)
  for (const keepsWords of [true, false]) {
    const least = columns.map(({ width, numeric, word }) =>
      numeric || (word && keepsWords) ? width : Math.min(width, NARROWEST),
    )
    if (sum(least) > available) continue
    const cap = largestCap(natural, least, available)
    return natural.map((width, i) => Math.max(Math.min(width, cap), least[i] ?? width))
  }
  return undefined
}

/** The widest that a column may be so that all of them fit. */
function largestCap(natural: readonly number[], least: readonly number[], available: number): number {
  let [low, high] = [0, Math.max(0, ...natural)]
  while (low < high) {
    const cap = Math.ceil((low + high) / 2)
    if (sum(natural.map((width, i) => Math.max(Math.min(width, cap), least[i] ?? width))) <= available) low = cap
    else high = cap - 1
  }
  return low
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
