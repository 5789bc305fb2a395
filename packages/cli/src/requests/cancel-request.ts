import { api, isAppError, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { text } from '../terminal/safe-text.ts'
import { blockedBy } from './blocked-request.ts'
import { requestTitle } from './describe-request.ts'
import { readRequestRef } from './request-ref.ts'

export async function cancelRequest(ctx: Context, input: { readonly request: string }): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const { client } = await ctx.connect()
  const after = await cancel(ctx, client, id)
  if (ctx.json) await ctx.printJson(after)
  else await ctx.say(text`${requestTitle(after)}: cancelled`)
  return EXIT.done
}

async function cancel(ctx: Context, client: Client, id: string): Promise<RequestView> {
  const { interrupt: signal } = ctx.io
  try {
    return await client.call(api.requests.cancel, { params: { id }, body: {} }, { signal })
  } catch (error) {
    if (!isAppError(error, 'execution_open')) throw error
    throw blockedBy(await client.call(api.requests.get, { params: { id } }, { signal }), error)
  }
}
