import type { FittedLine } from './live-area.ts'
import type { SafeText } from './safe-text.ts'
import { cutToWidth, widthOf } from './text-width.ts'

export { widthOf } from './text-width.ts'

const GAP = '   '
/** Less than that of what a line says is no help. */
const LEAST = 10

/** One line of at most this width: with the longest hint that fits, or none; then the end of what it says is cut. */
export function fitLine(line: SafeText | FittedLine, room: number): string {
  if ('safe' in line) return cutToWidth(line.safe, room)
  const { what, figure, hints } = line
  const short = `${what.safe}${GAP}${figure.safe}`
  for (const whole of [...hints.map(({ safe }) => `${short}${GAP}${safe}`), short])
    if (widthOf(whole) <= room) return whole
  const left = room - widthOf(figure.safe) - GAP.length
  return left < LEAST ? cutToWidth(figure.safe, room) : `${cutToWidth(what.safe, left)}${GAP}${figure.safe}`
}
