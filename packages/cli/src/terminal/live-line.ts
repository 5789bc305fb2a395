import type { Io } from '../io.ts'
import type { SafeText } from './safe-text.ts'

/** One line at the bottom of a terminal that is drawn again every second; nothing at all elsewhere. */
export interface LiveLine extends AsyncDisposable {
  /** What it says now; `elapsed` is added by the caller's `draw`. */
  set(draw: () => SafeText): Promise<void>
}

const CLEAR = '\r\u001b[2K'

export function createLiveLine(io: Pick<Io, 'stderr'>): LiveLine {
  if (!io.stderr.isTTY) return { set: async () => {}, [Symbol.asyncDispose]: async () => {} }
  let draw: (() => SafeText) | undefined
  const paint = async () => {
    if (draw) await io.stderr.write(CLEAR + cut(draw().safe, (io.stderr.columns ?? 80) - 1))
  }
  const timer = setInterval(() => void paint(), 1000)
  timer.unref()
  return {
    async set(next) {
      draw = next
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
