import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { text } from '../terminal/safe-text.ts'
import { requestTitle } from './describe-request.ts'
import { readRequestRef } from './request-ref.ts'

export async function cancelRequest(ctx: Context, input: { readonly request: string }): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const { client } = await ctx.connect()
  const after = await client.call(api.requests.cancel, { params: { id }, body: {} }, { signal: ctx.io.interrupt })
  if (ctx.json) await ctx.printJson(after)
  else await ctx.say(text`${requestTitle(after)}: cancelled`)
  return EXIT.done
}
