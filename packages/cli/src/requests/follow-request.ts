import { api, type ExecutionView, isAppError, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT_OF_REQUEST } from '../exit-code.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { problemOf } from '../report-error.ts'
import { openJsonDocument } from '../results/json-document.ts'
import type { ResultOptions } from '../results/result-options.ts'
import { joined, text } from '../terminal/safe-text.ts'
import { awaitApproval } from './await-approval.ts'
import { isOpen } from './await-execution.ts'
import { blockedBy } from './blocked-request.ts'
import { missingApprovals, reviewLines } from './describe-request.ts'
import { finishExecution } from './finish-execution.ts'
import type { Patience } from './wait-option.ts'

interface FollowOptions extends ResultOptions {
  /** The request was made a moment ago: whatever execution it has is the one that was asked for. */
  readonly fresh?: true
  readonly approval: Patience
  readonly execution: Patience
}

/** From whatever state a request is in to its rows, or to the reason why there are none. */
export async function followRequest(
  ctx: Context,
  client: Client,
  request: RequestView,
  options: FollowOptions,
): Promise<ExitCode> {
  // A rejection is news to whoever comes back later; approvals of what can run are not.
  const reviewsSeen = request.status === 'rejected' ? 0 : request.reviews.length
  const startsItself = request.start === 'on_approval' && (options.fresh === true || request.status === 'pending')
  const decided = await awaitApproval(ctx, client, request, options.approval)
  if (!ctx.json) for (const line of reviewLines(decided, reviewsSeen)) await ctx.say(line)
  if (decided.status === 'pending') return leavePending(ctx, decided, options.approval)
  // The server queues it in the transaction that approves.
  const own = startsItself ? decided.latest_execution : null
  if (!own && decided.status !== 'approved') return sayEnded(ctx, decided)
  const execution = own ? await readExecution(ctx, client, own.id) : await joinOrStart(ctx, client, decided)
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
        text`  Withdraw: twinlock cancel ${number}`,
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

function readExecution(ctx: Context, client: Client, id: string): Promise<ExecutionView> {
  return client.call(api.executions.get, { params: { id } }, { signal: ctx.io.interrupt })
}

/** The open execution if there is one; otherwise a new one, which somebody else may have started meanwhile. */
async function joinOrStart(ctx: Context, client: Client, request: RequestView): Promise<ExecutionView> {
  const { interrupt: signal } = ctx.io
  const { latest_execution: latest } = request
  if (latest && isOpen(latest.status)) return readExecution(ctx, client, latest.id)
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
    if (joined && (isOpen(joined.status) || joined.id !== latest?.id)) return readExecution(ctx, client, joined.id)
    throw blockedBy(fresh, error)
  }
}
