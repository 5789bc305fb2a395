import { api } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { text } from '../terminal/safe-text.ts'
import { requestTitle } from './describe-request.ts'
import { readRequestRef } from './request-ref.ts'

export async function commentRequest(
  ctx: Context,
  input: { readonly request: string; readonly text: string },
): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const comment = input.text.trim()
  if (comment === '') throw new CliError('usage', 'There is no comment.', 'Give it as one quoted argument.')
  const { client } = await ctx.connect()
  const after = await client.call(
    api.requests.comment,
    { params: { id }, body: { text: comment } },
    { signal: ctx.io.interrupt },
  )
  if (ctx.json) await ctx.printJson(after)
  else await ctx.say(text`${requestTitle(after)} by ${after.requester}: commented`)
  return EXIT.done
}
