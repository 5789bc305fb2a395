import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { hasResultEnded } from '../executions/read-executions.ts'

/** An idle connection is told that it lives. */
const KEEP_ALIVE_MS = 15_000
const NEWLINE = 0x0a

/**
 * The bytes of a result from chunk `n` on, as they arrive, until the execution has ended. What a lost execution brought
 * is given as it is; it has no trailer, so a reader sees that it is incomplete.
 */
export async function* streamResult(
  ctx: Context,
  executionId: string,
  n: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let midLine = false
  for (let next = n; !signal.aborted; ) {
    const read = async () => {
      // In this order: chunks are stored before the end is reported.
      const ended = await hasResultEnded(ctx.db.read, executionId)
      return (await ctx.results.get(executionId, next)) ?? (ended ? ('end' as const) : undefined)
    }
    const found = await ctx.changes.waitFor([topicOf.result(executionId)], KEEP_ALIVE_MS, signal, read, 'go_on')
    if (found === 'end') return
    if (found === undefined) {
      // A chunk may end within a line, and an empty line there would cut it in two.
      if (!midLine) yield Buffer.from('\n')
      continue
    }
    yield found
    midLine = found.at(-1) !== NEWLINE
    next++
  }
}
