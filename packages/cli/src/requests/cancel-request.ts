import { AppError, api, type ExecutionView, isAppError, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { problemOf, sayError } from '../report-error.ts'
import { text } from '../terminal/safe-text.ts'
import { awaitExecution, cancelExecution, isOpen } from './await-execution.ts'
import { blockedBy } from './blocked-request.ts'
import { cancelVerdict } from './cancel-verdict.ts'
import { requestTitle } from './describe-request.ts'
import { readRequestRef } from './request-ref.ts'
import { readWaitOption } from './wait-option.ts'

interface CancelInput {
  readonly request: string
  readonly reason: string | undefined
  readonly wait: string | boolean | undefined
}

/** Whatever the request does, it stops: what runs is cancelled, and what does not is withdrawn. */
export async function cancel(ctx: Context, input: CancelInput): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const patience = readWaitOption(input.wait, true, ctx.now())
  const { client } = await ctx.connect()
  const { interrupt: signal } = ctx.io
  const request = await client.call(api.requests.get, { params: { id } }, { signal })
  const latest = request.latest_execution
  if (!latest || !isOpen(latest.status)) return withdraw(ctx, client, request, input)
  const asked = await cancelExecution(ctx, client, latest.id, input.reason?.trim() || undefined)
  const ended = await awaitExecution(ctx, client, request, asked, patience)
  return sayEnded(ctx, request, ended)
}

/** Withdraws the request; one that runs only when that is said. */
export async function cancelRequest(
  ctx: Context,
  input: CancelInput & { readonly alsoCancelExecution: boolean },
): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const patience = readWaitOption(input.wait, true, ctx.now())
  const { client } = await ctx.connect()
  const { interrupt: signal } = ctx.io
  if (!input.alsoCancelExecution) return withdraw(ctx, client, { id }, input)
  const body = { ...reasonOf(input), also_cancel_execution: true }
  const after = await client.call(api.requests.cancel, { params: { id }, body }, { signal })
  const { latest_execution: latest } = after
  if (!latest || !isOpen(latest.status)) return sayWithdrawn(ctx, after)
  if (!ctx.json) await ctx.say(text`${requestTitle(after)}: cancelled`)
  const execution = await client.call(api.executions.get, { params: { id: latest.id } }, { signal })
  return sayEnded(ctx, after, await awaitExecution(ctx, client, after, execution, patience))
}

async function withdraw(
  ctx: Context,
  client: Client,
  { id }: Pick<RequestView, 'id'>,
  input: Pick<CancelInput, 'reason'>,
): Promise<ExitCode> {
  const { interrupt: signal } = ctx.io
  try {
    return await sayWithdrawn(
      ctx,
      await client.call(api.requests.cancel, { params: { id }, body: reasonOf(input) }, { signal }),
    )
  } catch (error) {
    if (!isAppError(error, 'execution_open')) throw error
    const request = await client.call(api.requests.get, { params: { id } }, { signal })
    if (request.latest_execution?.status === 'lost') throw blockedBy(request, error)
    const hint = `Stop it:              twinlock cancel ${request.number}\nStop and withdraw it: twinlock request cancel ${request.number} --also-cancel-execution`
    throw new AppError(error.code, { detail: error.message, hint }, error)
  }
}

async function sayWithdrawn(ctx: Context, request: RequestView): Promise<ExitCode> {
  if (ctx.json) await ctx.printJson({ request, execution: null })
  else await ctx.say(text`${requestTitle(request)}: cancelled`)
  return EXIT.done
}

async function sayEnded(ctx: Context, request: RequestView, execution: ExecutionView): Promise<ExitCode> {
  const verdict = cancelVerdict(ctx, execution)
  if (ctx.json) await ctx.printJson({ request, execution, ...(verdict.ok ? {} : { error: problemOf(verdict.error) }) })
  else if (!verdict.ok && !verdict.says) await sayError(ctx, verdict.error)
  else if (verdict.says) await ctx.say(verdict.says)
  return verdict.ok ? EXIT.done : verdict.exit
}

function reasonOf({ reason }: Pick<CancelInput, 'reason'>): { reason?: string } {
  const trimmed = reason?.trim()
  return trimmed ? { reason: trimmed } : {}
}
