import { printable } from '../terminal/printable.ts'
import type { Palette } from '../terminal/safe-text.ts'
import type { Value } from './read-result.ts'

/** A value on one line; what it says between lines and tabs is shown by `↵` and `⇥`. */
export function cellText(value: Value): string {
  if (value === null) return 'NULL'
  if (typeof value !== 'string') return String(value)
  return notNull(
    value
      .split(/\r?\n/)
      .map((line) => line.split('\t').map(printable).join('⇥'))
      .join('↵'),
  )
}

/** The text NULL gets quotes, and one that has quotes gets more: without colours, too, it is never taken for no value. */
export function notNull(text: string): string {
  return /^"*NULL"*$/.test(text) ? `"${text}"` : text
}

/** No value is dim where there are colours. */
export function painted(palette: Palette, value: Value, text: string): string {
  return value === null ? palette.dim(text).safe : text
}

const NUMERIC = /^((small|big|tiny|medium)?(int|integer|serial)|numeric|decimal|real|double|float|oid|money|year)\b/i

/** Whether the engine's name of a type means a number, so that digits stand below digits. */
export function isNumeric(type: string): boolean {
  return NUMERIC.test(type) && !type.endsWith(']')
}

/** As long as a UUID: what is longer is folded like other text. */
const LONGEST_WORD = 36
const TIMES = /^(timestamp|time|date|datetime)\b/i

/** Whether a value reads badly in pieces. */
export function isWord(type: string, cell: string): boolean {
  return cell.length <= LONGEST_WORD && (TIMES.test(type) || !cell.includes(' '))
}
