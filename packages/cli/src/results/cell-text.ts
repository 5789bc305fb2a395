import { printable } from '../terminal/printable.ts'
import type { Value } from './read-result.ts'

/** A value on one line; what it says between lines and tabs is shown by `↵` and `⇥`. */
export function cellText(value: Exclude<Value, null>): string {
  if (typeof value !== 'string') return String(value)
  return value
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(printable).join('⇥'))
    .join('↵')
}

const NUMERIC = /^((small|big|tiny|medium)?(int|integer|serial)|numeric|decimal|real|double|float|oid|money|year)\b/i

/** Whether the engine's name of a type means a number, so that digits stand below digits. */
export function isNumeric(type: string): boolean {
  return NUMERIC.test(type) && !type.endsWith(']')
}
