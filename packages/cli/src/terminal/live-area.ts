import type { Sink } from '../io.ts'
import type { SafeText } from './safe-text.ts'

/** A line whose hints go first where the terminal is narrow, and whose figure stays. */
export interface FittedLine {
  readonly what: SafeText
  readonly figure: SafeText
  /** The longest first. */
  readonly hints: readonly SafeText[]
}

/** Lines for a terminal of this size. */
export type Draw = (columns: number, rows: number) => readonly (SafeText | FittedLine)[]

/** The last lines of a terminal, drawn again every second; where nothing can be drawn again only what stays above them. */
export interface LiveArea extends AsyncDisposable {
  set(draw: Draw): Promise<void>
  /** In place of whatever is set, until it is taken away with `undefined`. */
  cover(draw: Draw | undefined): Promise<void>
  /** A line that stays, above it. */
  above(line: SafeText): Promise<void>
}

export function createLiveArea(sink: Sink, live: boolean): LiveArea {
  const print = ({ safe }: SafeText) => sink.write(`${safe}\n`)
  if (!live) return { set: async () => {}, cover: async () => {}, above: print, [Symbol.asyncDispose]: async () => {} }
  let under: Draw | undefined
  let over: Draw | undefined
  /** Widths of the lines that stand there now. */
  let drawn: readonly number[] = []

  const columns = () => sink.columns || 80
  const rows = () => sink.rows || 24
  const lines = () => (over ?? under)?.(columns(), rows()) ?? []

  /** A line drawn in a wider window stands on several rows of a narrower one. */
  function erase(): string {
    const height = drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns())), 0)
    drawn = []
    return height > 1 ? `\r\u001b[${height - 1}A\u001b[J` : height === 1 ? '\r\u001b[J' : ''
  }

  async function paint(): Promise<void> {
    if (drawn.length === 0 && lines().length === 0) return
    // Measuring takes longer to load than a short query runs, which shows nothing here.
    const { fitLine, widthOf } = await import('./fit-line.ts')
    const shown = lines()
      .slice(0, Math.max(rows() - 1, 1))
      .map((line) => fitLine(line, columns() - 1))
    const cleared = erase()
    drawn = shown.map(widthOf)
    await sink.write(cleared + shown.join('\r\n'))
  }

  const timer = setInterval(() => void paint(), 1000)
  timer.unref()
  const resizing = sink.onResize(() => void paint())
  return {
    set(draw) {
      under = draw
      return paint()
    },
    cover(draw) {
      over = draw
      return paint()
    },
    async above({ safe }) {
      await sink.write(`${erase()}${safe}\n`)
      await paint()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      resizing[Symbol.dispose]()
      under = undefined
      over = undefined
      await sink.write(erase())
    },
  }
}
