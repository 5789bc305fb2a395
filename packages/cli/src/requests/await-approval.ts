import { api, formatDuration, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { createLiveLine } from '../terminal/live-line.ts'
import { text } from '../terminal/safe-text.ts'
import { missingApprovals, nobodyCanApprove } from './describe-request.ts'
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
  if (!ctx.io.stderr.isTTY && patience.wait) await ctx.say(text`waiting for ${missingApprovals(current)}`)
  await using line = createLiveLine(ctx.io)
  try {
    for (;;) {
      if (current.status !== 'pending') return current
      const wait = nextPoll(patience, ctx.now())
      if (wait === undefined) return current
      await line.set(
        () =>
          text`waiting for ${missingApprovals(current)}   ${formatDuration(ctx.now() - began)}   Ctrl-C leaves it waiting`,
      )
      current = await poll(
        ctx,
        line,
        () => readRequest(ctx, client, current.id, wait),
        ({ status }) => status !== 'pending',
      )
    }
  } catch (error) {
    if (!ctx.io.interrupt.aborted) throw error
    throw new CliError(
      'interrupted',
      `#${request.number} stays and still waits for approval.`,
      `Go on:    twinlock run ${request.number}\nWithdraw: twinlock request cancel ${request.number}`,
      error,
    )
  }
}

function readRequest(ctx: Context, client: Client, id: string, wait: number): Promise<RequestView> {
  return client.call(api.requests.get, { params: { id }, query: { wait } }, { signal: ctx.io.interrupt })
}
