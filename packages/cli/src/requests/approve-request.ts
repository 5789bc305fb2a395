import { AppError, api, type RequestView, type TargetView } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { engineOf } from '../targets/target-state.ts'
import { confirm } from '../terminal/ask.ts'
import { joined, type SafeText, text } from '../terminal/safe-text.ts'
import { relativeText } from '../terminal/time-text.ts'
import { commentLines, frozenText, missingApprovals, reviewLines, targetOf } from './describe-request.ts'
import { requestCard } from './request-card.ts'
import { readRequestRef } from './request-ref.ts'

interface ApproveInput {
  readonly request: string
  readonly comment: string | undefined
  readonly yes: boolean
}

/** The step that is approved is the one that was shown: the server refuses when another has become current. */
export async function approveRequest(ctx: Context, input: ApproveInput): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  if (!input.yes && !ctx.interactive)
    throw new CliError(
      'confirmation_required',
      'Nothing was approved: without a terminal there is nobody to ask.',
      'If whoever runs this has read the request, add --yes.',
    )
  const { client } = await ctx.connect()
  const { interrupt: signal } = ctx.io
  const [request, targets] = await Promise.all([
    client.call(api.requests.get, { params: { id } }, { signal }),
    // Worth knowing, and not worth failing for.
    client.call(api.targets.list, {}, { signal }).catch(() => undefined),
  ])
  assertPending(request)
  const card = requestCard(request, ctx.err, ctx.now())
  if (!ctx.json || !input.yes) {
    await ctx.say(reviewTitle(request, targets?.items ?? [], ctx.now()))
    const notes = [...reviewLines(request), ...commentLines(request), ...(request.frozen ? [frozenText(request)] : [])]
    await ctx.say(joined([card, ...notes.map((line) => text`  ${line}`)], '\n'))
  }
  const question = text`Approve step ${request.current_step} of ${request.steps.length}? [y/N] `
  if (!input.yes && !(await confirm(ctx.io, question))) {
    if (ctx.json) throw new CliError('confirmation_required', `#${request.number} was not approved: the answer was no.`)
    await ctx.say(text`nothing was approved. To say no for good: twinlock reject ${request.number} --comment "why"`)
    return EXIT.error
  }
  const comment = input.comment?.trim() || undefined
  const body = { step: request.current_step, ...(comment === undefined ? {} : { comment }) }
  const after = await client.call(
    api.requests.approve,
    { params: { id: request.id }, body },
    { signal: ctx.io.interrupt },
  )
  if (ctx.json) await ctx.printJson(after)
  else await ctx.say(whatNext(after))
  return EXIT.done
}

export function assertPending(request: RequestView): void {
  if (request.status === 'pending') return
  throw new AppError('request_not_pending', {
    detail: `#${request.number} is ${request.status}: there is nothing to decide`,
    hint: `What became of it: twinlock request show ${request.number}`,
  })
}

function reviewTitle(request: RequestView, targets: readonly TargetView[], now: number): SafeText {
  const target = targets.find((one) => targetOf(one) === targetOf(request))
  const engine = target && engineOf(target)
  const when = relativeText(request.created_at, now)
  return text`#${request.number}  ${request.requester} asks to run ${request.operations.join(', ')} on ${targetOf(request)}${engine ? ` (${engine})` : ''}, ${when}`
}

function whatNext(request: RequestView): SafeText {
  if (request.status === 'pending') return text`approved; it still waits for ${missingApprovals(request)}`
  if (request.start === 'on_approval') return text`approved. It runs now: twinlock request show ${request.number}`
  return text`approved. ${request.requester} can run it now: twinlock run ${request.number}`
}
