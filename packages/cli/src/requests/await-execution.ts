import { api, type ExecutionView, formatDuration, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { createLiveLine } from '../terminal/live-line.ts'
import { joined, type SafeText, text } from '../terminal/safe-text.ts'
import { targetOf } from './describe-request.ts'
import { poll } from './poll.ts'
import { nextPoll, type Patience } from './wait-option.ts'

const OPEN: readonly ExecutionView['status'][] = ['queued', 'leased', 'running']

export function isOpen(status: ExecutionView['status']): boolean {
  return OPEN.includes(status)
}

/** An idle agent takes an execution within milliseconds. */
const QUEUED_LONG_S = 3

/** Waits until the execution has ended or is lost, or patience ends: then it is returned as it is. */
export async function awaitExecution(
  ctx: Context,
  client: Client,
  request: RequestView,
  execution: ExecutionView,
  patience: Patience,
): Promise<ExecutionView> {
  const began = ctx.now()
  let current = execution
  let toldWhy = false
  await using line = createLiveLine(ctx.io)
  try {
    for (;;) {
      if (!isOpen(current.status)) return current
      const queued = current.status === 'queued'
      if (queued && !toldWhy && ctx.now() - began >= QUEUED_LONG_S * 1000) {
        toldWhy = true
        await line.above(whyQueued(request))
      }
      const wait = nextPoll(patience, ctx.now())
      if (wait === undefined) return current
      // Nothing to see in the first moments: most executions have ended by then.
      await line.set(() => (ctx.now() - began < 900 ? text`` : stateText(current, ctx.now() - began)))
      current = await poll(
        ctx,
        line,
        () =>
          client.call(
            api.executions.get,
            // The server answers at the end alone: that an agent has taken it is seen by asking again.
            { params: { id: execution.id }, query: { wait: queued ? Math.min(wait, QUEUED_LONG_S) : wait } },
            { signal: ctx.io.interrupt },
          ),
        ({ status }) => !isOpen(status),
      )
    }
  } catch (error) {
    if (!ctx.io.interrupt.aborted) throw error
    const { number } = request
    throw new CliError(
      'interrupted',
      `#${number} goes on without you: it was ${current.status} when you left.`,
      `Its result: twinlock result ${number}`,
      error,
    )
  }
}

function whyQueued(request: RequestView): SafeText {
  return joined(
    [
      text`#${request.number} is still queued: perhaps no agent serves ${targetOf(request)} right now, or all that do are busy`,
      text`  Start one (twinlock-agent --config FILE), or look at the log of the one that should run.`,
    ],
    '\n',
  )
}

function stateText(execution: ExecutionView, elapsed: number): SafeText {
  const since = formatDuration(elapsed)
  if (execution.status === 'queued') return text`no agent has taken it yet   ${since}`
  return text`running on agent ${execution.agent ?? 'unknown'}   ${since}`
}
