import { api, type ExecutionView, formatDuration } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { createLiveLine } from '../terminal/live-line.ts'
import { type SafeText, text } from '../terminal/safe-text.ts'
import { poll } from './poll.ts'
import { nextPoll, type Patience } from './wait-option.ts'

const OPEN: readonly ExecutionView['status'][] = ['queued', 'leased', 'running']

export function isOpen(status: ExecutionView['status']): boolean {
  return OPEN.includes(status)
}

/** Waits until the execution has ended or is lost, or patience ends: then it is returned as it is. */
export async function awaitExecution(
  ctx: Context,
  client: Client,
  execution: ExecutionView,
  patience: Patience,
): Promise<ExecutionView> {
  const began = ctx.now()
  let current = execution
  let toldQueued = false
  await using line = createLiveLine(ctx.io)
  try {
    for (;;) {
      if (!isOpen(current.status)) return current
      const wait = nextPoll(patience, ctx.now())
      if (wait === undefined) return current
      // Nothing to see in the first moments: most executions have ended by then.
      await line.set(() => (ctx.now() - began < 900 ? text`` : stateText(current, ctx.now() - began)))
      const short = current.status === 'queued' && !toldQueued ? Math.min(wait, 5) : wait
      current = await poll(
        ctx,
        line,
        () =>
          client.call(
            api.executions.get,
            { params: { id: execution.id }, query: { wait: short } },
            { signal: ctx.io.interrupt },
          ),
        ({ status }) => !isOpen(status),
      )
      if (current.status === 'queued' && !toldQueued && !ctx.io.stderr.isTTY)
        await line.above(stateText(current, ctx.now() - began))
      toldQueued = true
    }
  } catch (error) {
    if (!ctx.io.interrupt.aborted) throw error
    const number = execution.request_number
    throw new CliError(
      'interrupted',
      `#${number} goes on without you: it was ${current.status} when you left.`,
      `Its result: twinlock result ${number}`,
      error,
    )
  }
}

function stateText(execution: ExecutionView, elapsed: number): SafeText {
  const since = formatDuration(elapsed)
  if (execution.status === 'queued') return text`no agent has taken it yet   ${since}`
  return text`running on agent ${execution.agent ?? 'unknown'}   ${since}`
}
