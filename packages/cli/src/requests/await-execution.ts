import { api, type ExecutionView, isAppError, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { createLiveArea, type LiveArea } from '../terminal/live-area.ts'
import { joined, type SafeText, text } from '../terminal/safe-text.ts'
import { elapsedText } from '../terminal/time-text.ts'
import { targetOf } from './describe-request.ts'
import { watchInterruption } from './interruption.ts'
import { poll } from './poll.ts'
import { nextPoll, type Patience } from './wait-option.ts'

const OPEN: readonly ExecutionView['status'][] = ['queued', 'leased', 'running']

export function isOpen(status: ExecutionView['status']): boolean {
  return OPEN.includes(status)
}

/** An idle agent takes an execution within milliseconds. */
const QUEUED_LONG_S = 3
/** Most executions have ended by then: nothing to see before. */
const QUIET_MS = 900

/** Waits until the execution has ended or is lost, or patience ends: then it is returned as it is. */
export async function awaitExecution(
  ctx: Context,
  client: Client,
  request: RequestView,
  execution: ExecutionView,
  patience: Patience,
): Promise<ExecutionView> {
  if (!isOpen(execution.status)) return execution
  const began = ctx.now()
  let current = execution
  await using area = createLiveArea(ctx.io.stderr, ctx.live)
  const why = tellWhyQueued(ctx, area, request)
  using interruption = watchInterruption(ctx, area, () => stateText(current))
  await area.set(() => {
    const elapsed = ctx.now() - began
    if (elapsed < QUIET_MS) return []
    return [{ what: stateText(current), figure: elapsedText(elapsed), hints: hints(ctx, current) }]
  })
  try {
    for (;;) {
      if (!isOpen(current.status)) return current
      await why(current, ctx.now() - began)
      const wait = nextPoll(patience, ctx.now())
      if (wait === undefined) return current
      // The server answers at the end alone: that an agent has taken it is seen by asking again.
      const seconds = current.status === 'running' ? wait : Math.min(wait, QUEUED_LONG_S)
      const answer = await interruption.choiceOr(
        poll(
          ctx,
          area,
          interruption.signal,
          () =>
            client.call(
              api.executions.get,
              { params: { id: execution.id }, query: { wait: seconds } },
              { signal: interruption.signal },
            ),
          ({ status }) => !isOpen(status),
        ),
      )
      if (answer === 'leave') throw left(request, current)
      current = answer === 'cancel' ? await cancelExecution(ctx, client, current.id) : answer
    }
  } catch (error) {
    throw ctx.io.interrupt.aborted ? left(request, current, error) : error
  }
}

/** Asks for it to end. It may have ended a moment before: then it is returned as it is. */
export async function cancelExecution(
  ctx: Context,
  client: Client,
  id: string,
  reason?: string,
): Promise<ExecutionView> {
  const { interrupt: signal } = ctx.io
  const body = reason === undefined ? {} : { reason }
  try {
    return await client.call(api.executions.cancel, { params: { id }, body }, { signal })
  } catch (error) {
    if (!isAppError(error, 'execution_not_cancellable')) throw error
    return await client.call(api.executions.get, { params: { id } }, { signal })
  }
}

/** Where lines cannot be drawn again, why it is queued is said whenever it is another reason. */
function tellWhyQueued(ctx: Context, area: LiveArea, request: RequestView) {
  let told: string | undefined
  return async ({ status, waiting }: ExecutionView, elapsed: number): Promise<void> => {
    if (status !== 'queued' || (elapsed < QUEUED_LONG_S * 1000 && waiting === null)) return
    const why = waiting?.code ?? 'unknown'
    if (told === why) return
    told = why
    if (waiting === null) await area.above(whyQueued(request))
    else if (!ctx.live) await area.above(text`#${request.number} is queued: ${waiting.message}`)
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

function stateText({ status, waiting, agent, cancel, request_number: number }: ExecutionView): SafeText {
  if (cancel !== null) return text`#${number} is being cancelled (asked by ${cancel.by})`
  if (status !== 'queued') return text`#${number} is running on agent ${agent ?? 'unknown'}`
  return text`#${number} is queued: ${waiting?.message ?? 'no agent has taken it yet'}`
}

function hints(ctx: Context, { cancel }: ExecutionView): SafeText[] {
  if (!ctx.interactive) return [text`Ctrl-C leaves it`]
  return cancel === null ? [text`Ctrl-C asks: leave it or cancel it`] : []
}

function left({ number }: RequestView, { status }: ExecutionView, cause?: unknown): CliError {
  return new CliError(
    'interrupted',
    `#${number} goes on without you: it was ${status} when you left.`,
    `Its result: twinlock result ${number}\nStop it:    twinlock cancel ${number}`,
    cause,
  )
}
