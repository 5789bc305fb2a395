import type { Sink } from '../io.ts'
import type { SafeText } from './safe-text.ts'
import { cutToWidth, widthOf } from './text-width.ts'

/** Lines for a terminal of this size. */
export type Draw = (columns: number, rows: number) => readonly SafeText[]

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

  /** A line drawn in a wider window stands on several rows of a narrower one. */
  function erase(columns: number): string {
    const rows = drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)
    drawn = []
    return rows > 1 ? `\r\u001b[${rows - 1}A\u001b[J` : rows === 1 ? '\r\u001b[J' : ''
  }

  function picture(): string {
    const columns = sink.columns || 80
    const rows = sink.rows || 24
    const lines = ((over ?? under)?.(columns, rows) ?? []).map(({ safe }) => cutToWidth(safe, columns - 1))
    const shown = lines.slice(0, Math.max(rows - 1, 1))
    const cleared = erase(columns)
    drawn = shown.map(widthOf)
    return cleared + shown.join('\r\n')
  }

  const paint = () => sink.write(picture())
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
    above: ({ safe }) => sink.write(`${erase(sink.columns || 80)}${safe}\n${picture()}`),
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      resizing[Symbol.dispose]()
      under = undefined
      over = undefined
      await sink.write(erase(sink.columns || 80))
    },
  }
}
