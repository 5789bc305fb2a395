import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { text } from '../terminal/safe-text.ts'
import { assertPending } from './approve-request.ts'
import { requestTitle } from './describe-request.ts'
import { readRequestRef } from './request-ref.ts'

interface RejectInput {
  readonly request: string
  readonly comment: string | undefined
}

/** A no needs no second question: it can be undone by asking again. */
export async function rejectRequest(ctx: Context, input: RejectInput): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const { client } = await ctx.connect()
  const { interrupt: signal } = ctx.io
  const request = await client.call(api.requests.get, { params: { id } }, { signal })
  assertPending(request)
  const comment = input.comment?.trim() || undefined
  const body = { step: request.current_step, ...(comment === undefined ? {} : { comment }) }
  const after = await client.call(api.requests.reject, { params: { id: request.id }, body }, { signal })
  if (ctx.json) await ctx.printJson(after)
  else await ctx.say(text`${requestTitle(after)} by ${after.requester}: rejected`)
  return EXIT.done
}
