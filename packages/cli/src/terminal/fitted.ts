import { type SafeText, text } from './safe-text.ts'
import { cutToWidth, widthOf } from './text-width.ts'

const GAP = '   '

/** A line for a terminal of this width: the hint goes first, then the end of what it says; the figure stays. */
export function fitted(columns: number, what: SafeText, figure: SafeText, hint: SafeText): SafeText {
  const room = columns - 1
  const short = text`${what}${GAP}${figure}`
  const whole = hint.safe === '' ? short : text`${short}${GAP}${hint}`
  if (widthOf(whole.safe) <= room) return whole
  if (widthOf(short.safe) <= room) return short
  const left = room - widthOf(figure.safe) - GAP.length
  return left < 10 ? figure : { safe: `${cutToWidth(what.safe, left)}${GAP}${figure.safe}` }
}
