import { setTimeout as sleep } from 'node:timers/promises'
import { isAppError } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { LiveArea } from '../terminal/live-area.ts'
import { text } from '../terminal/safe-text.ts'

/** How long a server may be away before waiting for it ends. */
const GIVE_UP_MS = 120_000

/**
 * Repeats a long poll through restarts of the server: somebody may have waited an hour for this approval. An answer
 * that comes at once, though nothing is decided, is not asked for again at once.
 */
export async function poll<T>(
  ctx: Context,
  area: LiveArea,
  signal: AbortSignal,
  ask: () => Promise<T>,
  isDone: (answer: T) => boolean,
  patience: 'for ever' | undefined = undefined,
): Promise<T> {
  const began = ctx.now()
  let told = false
  for (;;) {
    const asked = ctx.now()
    try {
      const answer = await ask()
      if (!isDone(answer) && ctx.now() - asked < 500) await sleep(500, undefined, { signal })
      return answer
    } catch (error) {
      if (!isAppError(error, 'server_unreachable') && !isAppError(error, 'not_ready')) throw error
      if (!patience && ctx.now() - began > GIVE_UP_MS) throw error
      if (!told) await area.above(text`${error.message}; trying again${patience ? '' : ' for 2 min'}`)
      told = true
      await sleep(2000, undefined, { signal })
    }
  }
}
