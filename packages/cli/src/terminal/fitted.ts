import { type SafeText, text } from './safe-text.ts'
import { cutToWidth, widthOf } from './text-width.ts'

const GAP = '   '

/** A line for a terminal of this width: the longest hint that fits, or none; then the figure stays and the rest is cut. */
export function fitted(columns: number, what: SafeText, figure: SafeText, ...hints: readonly SafeText[]): SafeText {
  const room = columns - 1
  const short = text`${what}${GAP}${figure}`
  for (const line of [...hints.map((hint) => text`${short}${GAP}${hint}`), short])
    if (widthOf(line.safe) <= room) return line
  const left = room - widthOf(figure.safe) - GAP.length
  return left < 10 ? figure : { safe: `${cutToWidth(what.safe, left)}${GAP}${figure.safe}` }
}
