import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, api, type ExecutionView, isAppError, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT_OF_REQUEST } from '../exit-code.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { problemOf } from '../report-error.ts'
import { openJsonDocument } from '../results/json-document.ts'
import type { OutputFormat } from '../results/result-writer.ts'
import { joined, text } from '../terminal/safe-text.ts'
import { awaitApproval } from './await-approval.ts'
import { isOpen } from './await-execution.ts'
import { missingApprovals, reviewLines } from './describe-request.ts'
import { finishExecution } from './finish-execution.ts'
import type { Patience } from './wait-option.ts'

export interface FollowOptions {
  /** The request was made a moment ago: whatever execution it has is the one that was asked for. */
  readonly fresh?: true
  readonly approval: Patience
  readonly execution: Patience
  readonly format: OutputFormat
}

/** From whatever state a request is in to its rows, or to the reason why there are none. */
export async function followRequest(
  ctx: Context,
  client: Client,
  request: RequestView,
  options: FollowOptions,
): Promise<ExitCode> {
  const reviewsSeen = request.reviews.length
  const startsItself = request.start === 'on_approval' && (options.fresh === true || request.status === 'pending')
  const decided = await awaitApproval(ctx, client, request, options.approval)
  if (!ctx.json) for (const line of reviewLines(decided, reviewsSeen)) await ctx.say(line)
  if (decided.status === 'pending') return leavePending(ctx, decided, options.approval)
  const own = startsItself ? await startedByServer(ctx, client, decided) : undefined
  if (!own && decided.status !== 'approved') return sayEnded(ctx, decided)
  const execution = own ?? (await joinOrStart(ctx, client, decided))
  return finishExecution(ctx, client, decided, execution, options)
}

async function leavePending(ctx: Context, request: RequestView, patience: Patience): Promise<ExitCode> {
  if (ctx.json) {
    await (await openJsonDocument(ctx.io.stdout, request, null)).close()
    return EXIT.pending
  }
  const { number } = request
  const state = patience.wait ? 'timed out; still pending' : 'pending'
  await ctx.say(
    joined(
      [
        text`${state}: waiting for ${missingApprovals(request)}`,
        text`  Go on:    twinlock run ${number}`,
        text`  Withdraw: twinlock request cancel ${number}`,
      ],
      '\n',
    ),
  )
  return EXIT.pending
}

async function sayEnded(ctx: Context, request: RequestView): Promise<ExitCode> {
  const { number, status } = request
  const error = new CliError(
    'request_ended',
    `#${number} is ${status}${status === 'rejected' ? '' : ' and cannot run any more'}.`,
    `The whole story: twinlock request show ${number}`,
  )
  if (ctx.json) await (await openJsonDocument(ctx.io.stdout, request, null)).close(problemOf(error))
  else await ctx.say(text`${ctx.err.bad(`${status}:`)} ${error.message}\n  ${error.hint ?? ''}`)
  return EXIT_OF_REQUEST[status]
}

/** The execution that an approval starts by itself; undefined when none comes. */
async function startedByServer(ctx: Context, client: Client, request: RequestView): Promise<ExecutionView | undefined> {
  const { interrupt: signal } = ctx.io
  let current = request
  for (let tries = 0; tries < 20; tries++) {
    if (current.latest_execution)
      return client.call(api.executions.get, { params: { id: current.latest_execution.id } }, { signal })
    if (current.status !== 'approved') return undefined
    await sleep(250, undefined, { signal })
    current = await client.call(api.requests.get, { params: { id: request.id } }, { signal })
  }
  return undefined
}

/** The open execution if there is one; otherwise a new one, which somebody else may have started meanwhile. */
async function joinOrStart(ctx: Context, client: Client, request: RequestView): Promise<ExecutionView> {
  const { interrupt: signal } = ctx.io
  const { latest_execution: latest } = request
  if (latest && isOpen(latest.status)) return client.call(api.executions.get, { params: { id: latest.id } }, { signal })
  try {
    return await client.call(api.requests.execute, { params: { id: request.id }, body: {} }, { signal })
  } catch (error) {
    if (signal.aborted)
      throw new CliError(
        'interrupted',
        `#${request.number} may have been started: the server had not answered yet.`,
        `Look: twinlock request show ${request.number}`,
        error,
      )
    if (!isAppError(error, 'execution_open') && !isAppError(error, 'no_executions_left')) throw error
    const fresh = await client.call(api.requests.get, { params: { id: request.id } }, { signal })
    const joined = fresh.latest_execution
    if (joined && (isOpen(joined.status) || joined.id !== latest?.id))
      return client.call(api.executions.get, { params: { id: joined.id } }, { signal })
    if (joined?.status === 'lost') throw lostBefore(request, error)
    throw new AppError(error.code, { hint: `Its result: twinlock result ${request.number}` }, error)
  }
}

function lostBefore(request: RequestView, cause: unknown): CliError {
  return new CliError(
    'outcome_unknown',
    `An execution of #${request.number} was lost: nobody can say yet what it did.`,
    `Do not repeat it before you know. What is found out is shown by: twinlock request show ${request.number}`,
    cause,
  )
}
