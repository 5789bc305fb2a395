import type { Context } from '../context.ts'
import type { LiveArea } from '../terminal/live-area.ts'
import { readKey } from '../terminal/read-key.ts'
import { type SafeText, text } from '../terminal/safe-text.ts'

type Choice = 'leave' | 'cancel'

/** What Ctrl-C means while somebody waits: in a terminal they are asked, elsewhere they leave. */
export interface Interruption extends Disposable {
  /** For the calls of the wait: aborted when somebody leaves without being asked, and at the end. */
  readonly signal: AbortSignal
  /** The answer, or what was chosen before it came. */
  choiceOr<T extends object>(answer: Promise<T>): Promise<T | Choice>
}

export function watchInterruption(ctx: Context, area: LiveArea, what: () => SafeText): Interruption {
  const ended = new AbortController()
  const signal = AbortSignal.any([ctx.io.interrupt, ended.signal])
  let chosen = Promise.withResolvers<Choice>()
  let asking = false
  const handler = ctx.interactive && ctx.live ? ctx.io.onInterrupt(() => void interrupted()) : undefined

  async function interrupted(): Promise<void> {
    // A second Ctrl-C leaves at once.
    if (asking) return chosen.resolve('leave')
    asking = true
    await area.cover(() => [text`${what()}`, text`  l leave it   c cancel it   w wait on`])
    const choice = await readChoice()
    await area.cover(undefined)
    asking = false
    if (choice) chosen.resolve(choice)
  }

  async function readChoice(): Promise<Choice | undefined> {
    for (;;) {
      const key = await readKey(ctx.io, ended.signal)
      if (key === undefined || key === 'w' || key === 'W' || key === '\u001b') return undefined
      if (key === 'l' || key === 'L' || key === '\u0003' || key === '\u0004') return 'leave'
      if (key === 'c' || key === 'C') return 'cancel'
    }
  }

  return {
    signal,
    async choiceOr(answer) {
      const first = await Promise.race([answer, chosen.promise])
      if (typeof first !== 'object') {
        chosen = Promise.withResolvers()
        // The call goes on or is aborted: nobody waits for what becomes of it.
        answer.catch(() => {})
      }
      return first
    },
    [Symbol.dispose]() {
      handler?.[Symbol.dispose]()
      ended.abort()
    },
  }
}
