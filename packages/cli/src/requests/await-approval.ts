import { api, isAppError, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { sayError } from '../report-error.ts'
import { createLiveArea, type LiveArea } from '../terminal/live-area.ts'
import { type SafeText, text } from '../terminal/safe-text.ts'
import { elapsedText } from '../terminal/time-text.ts'
import { commentLines, frozenText, missingApprovals, nobodyCanApprove } from './describe-request.ts'
import { watchInterruption } from './interruption.ts'
import { poll } from './poll.ts'
import { nextPoll, type Patience } from './wait-option.ts'

/** Waits until the request is no longer pending, or patience ends: then it is returned as it is. */
export async function awaitApproval(
  ctx: Context,
  client: Client,
  request: RequestView,
  patience: Patience,
): Promise<RequestView> {
  if (request.status !== 'pending') return request
  const began = ctx.now()
  let current = request
  if (nobodyCanApprove(current)) await ctx.say(text`nobody can approve it yet: no such person exists, or only you`)
  if (!patience.wait) return request
  if (!ctx.live) await ctx.say(waitingText(current))
  await using area = createLiveArea(ctx.io.stderr, ctx.live)
  using interruption = watchInterruption(ctx, area, () => text`#${request.number} waits for approval`)
  await area.set(() => [
    { what: waitingText(current), figure: elapsedText(ctx.now() - began), hints: hints(ctx, request) },
  ])
  try {
    for (;;) {
      if (current.status !== 'pending') return current
      const wait = nextPoll(patience, ctx.now())
      if (wait === undefined) return current
      const answer = await interruption.choiceOr(
        poll(
          ctx,
          area,
          interruption.signal,
          () =>
            client.call(
              api.requests.get,
              { params: { id: request.id }, query: { wait } },
              { signal: interruption.signal },
            ),
          ({ status }) => status !== 'pending',
        ),
      )
      if (answer === 'leave') throw left(request)
      const before = current
      current = answer === 'cancel' ? await withdraw(ctx, client, area, current) : answer
      for (const line of commentLines(current, before.comments.length)) await area.above(line)
      if (current.frozen && !before.frozen) await area.above(frozenText(current))
    }
  } catch (error) {
    throw ctx.io.interrupt.aborted ? left(request, error) : error
  }
}

/** Somebody may have decided a moment before: then that counts. */
async function withdraw(ctx: Context, client: Client, area: LiveArea, request: RequestView): Promise<RequestView> {
  const { interrupt: signal } = ctx.io
  try {
    return await client.call(api.requests.cancel, { params: { id: request.id }, body: {} }, { signal })
  } catch (error) {
    if (!isAppError(error, 'execution_open') && !isAppError(error, 'request_not_cancellable')) throw error
    await area.cover(() => [])
    await sayError(ctx, error)
    await area.cover(undefined)
    return await client.call(api.requests.get, { params: { id: request.id } }, { signal })
  }
}

function waitingText(request: RequestView): SafeText {
  if (request.frozen) return frozenText(request)
  return text`waiting for ${missingApprovals(request)}`
}

function hints(ctx: Context, { number }: RequestView): SafeText[] {
  const ctrlC = ctx.interactive ? text`Ctrl-C asks: leave it or cancel it` : text`Ctrl-C leaves it waiting`
  return [text`${ctrlC}; later: twinlock run ${number}`, ctrlC]
}

function left(request: RequestView, cause?: unknown): CliError {
  return new CliError(
    'interrupted',
    `#${request.number} stays and still waits for approval.`,
    `Go on:    twinlock run ${request.number}\nWithdraw: twinlock cancel ${request.number}`,
    cause,
  )
}
