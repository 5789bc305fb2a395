import { api, type ExecutionView, formatDuration, type RequestView } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { effectText, GONE_BECAUSE } from '../results/summary.ts'
import { joined, type SafeText, text } from '../terminal/safe-text.ts'
import { relativeText, timeText } from '../terminal/time-text.ts'
import { commentLines, frozenText, missingApprovals, requestTitle, reviewLines } from './describe-request.ts'
import { field, requestCard } from './request-card.ts'
import { readRequestRef } from './request-ref.ts'

export async function showRequest(ctx: Context, input: { readonly request: string }): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const { client } = await ctx.connect()
  const { interrupt: signal } = ctx.io
  const [request, executions] = await Promise.all([
    client.call(api.requests.get, { params: { id } }, { signal }),
    client.call(api.requests.executions, { params: { id } }, { signal }),
  ])
  if (ctx.json) await ctx.printJson({ request, executions: executions.items })
  else await ctx.print(requestStory(ctx, request, executions.items))
  return EXIT.done
}

function requestStory(ctx: Context, request: RequestView, executions: readonly ExecutionView[]): SafeText {
  const now = ctx.now()
  const { out } = ctx
  const lines: SafeText[] = [
    text`${requestTitle(request)} by ${request.requester}   ${out.bold(request.status)}`,
    field(out, 'asked', [text`${relativeText(request.created_at, now)} (${timeText(request.created_at, now)})`]),
    requestCard(request, out, now),
  ]
  const reviews = reviewLines(request).map((line, i) => {
    const at = request.reviews[i]?.at
    return at === undefined ? line : text`${line}   ${timeText(at, now)}`
  })
  if (request.approved_via === 'auto') reviews.push(text`approved by policy, without a person`)
  if (reviews.length > 0) lines.push(field(out, 'reviews', reviews))
  if (request.comments.length > 0) lines.push(field(out, 'comments', commentLines(request)))
  if (request.replaces !== null) lines.push(field(out, 'replaces', [text`#${request.replaces}`]))
  if (request.replaced_by !== null) lines.push(field(out, 'replaced', [text`by #${request.replaced_by}`]))
  if (request.cancelled !== null) lines.push(field(out, 'cancelled', [cancelText(request.cancelled)]))
  if (request.frozen) lines.push(text`  ${frozenText(request)}`)
  if (request.status === 'pending') lines.push(field(out, 'waits for', [missingApprovals(request)]))
  if (request.status === 'approved' && request.executions_left > 0)
    lines.push(field(out, 'next', [text`twinlock run ${request.number} (by ${request.requester})`]))
  executions.forEach((execution, i) => {
    lines.push(field(out, executions.length > 1 ? `run ${i + 1}` : 'run', executionLines(execution, now)))
  })
  return joined(lines, '\n')
}

/** `by bob: "not needed any more"` */
function cancelText({ by, reason }: { readonly by: string; readonly reason: string | null }): SafeText {
  return text`by ${by}${reason === null ? '' : `: "${reason}"`}`
}

/** Lost first, then what was found out: both stay true. */
function executionLines(execution: ExecutionView, now: number): SafeText[] {
  const { lost_at: lostAt, finished_at: finishedAt, error } = execution
  const agent = execution.agent === null ? text`` : text` on agent ${execution.agent}`
  const lines: SafeText[] = []
  if (lostAt !== null) lines.push(text`lost at ${timeText(lostAt, now)}${agent}: it stopped answering while it ran`)
  if (execution.status === 'lost')
    lines.push(
      text`not resolved: nobody can say yet what took effect; until its agent or the database tells, nothing else starts`,
    )
  else if (finishedAt === null)
    lines.push(text`${execution.status} since ${timeText(execution.started_at ?? execution.created_at, now)}${agent}`)
  else {
    const verb = lostAt === null ? execution.status : `resolved: ${execution.status}`
    const took = execution.duration_ms === null ? '' : `, ${formatDuration(execution.duration_ms)}`
    lines.push(
      text`${verb} at ${timeText(finishedAt, now)}${lostAt === null ? agent : ''}${took}; ${effectText(execution)}`,
    )
  }
  if (execution.waiting !== null) lines.push(text`waits: ${execution.waiting.message}`)
  if (execution.cancel !== null)
    lines.push(text`cancel asked ${cancelText(execution.cancel)}, ${timeText(execution.cancel.at, now)}`)
  if (execution.result === 'discarded' || execution.result === 'expired')
    lines.push(
      text`its result is gone${execution.result_reason === null ? '' : `: ${GONE_BECAUSE[execution.result_reason]}`}`,
    )
  if (execution.server_version !== null) lines.push(text`database server ${execution.server_version}`)
  if (error)
    lines.push(text`${error.message} (${error.code}${error.sqlstate === null ? '' : `, SQLSTATE ${error.sqlstate}`})`)
  lines.push(text`${execution.id}`)
  return lines
}
