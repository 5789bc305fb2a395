import type { Io } from '../io.ts'
import type { SafeText } from './safe-text.ts'

/** One line at the bottom of a terminal; elsewhere nothing but what stays above it. */
export interface LiveLine extends AsyncDisposable {
  /** What it says from now on, drawn again every second. */
  set(draw: () => SafeText): Promise<void>
  /** A line that stays, above it. */
  above(line: SafeText): Promise<void>
}

const CLEAR = '\r\u001b[2K'

export function createLiveLine(io: Pick<Io, 'stderr'>): LiveLine {
  const print = ({ safe }: SafeText) => io.stderr.write(`${safe}\n`)
  if (!io.stderr.isTTY) return { set: async () => {}, above: print, [Symbol.asyncDispose]: async () => {} }
  let draw: (() => SafeText) | undefined
  const paint = async () => {
    if (draw) await io.stderr.write(CLEAR + cut(draw().safe, (io.stderr.columns || 80) - 1))
  }
  const timer = setInterval(() => void paint(), 1000)
  timer.unref()
  return {
    async set(next) {
      draw = next
      await paint()
    },
    async above(line) {
      if (draw) await io.stderr.write(CLEAR)
      await print(line)
      await paint()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      if (draw) await io.stderr.write(CLEAR)
    },
  }
}

/** A line that wraps could not be cleared again. Its text has no colours, and wide characters are rare in it. */
function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(width - 1, 0))}…`
}
