import { AppError, api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { ExitCode } from '../exit-codes.ts'
import { type ResultInput, readResultOptions } from '../results/result-options.ts'
import { requestTitle } from './describe-request.ts'
import { followRequest } from './follow-request.ts'
import { readRequestRef } from './request-ref.ts'
import { readWaitOption } from './wait-option.ts'

interface RunInput extends ResultInput {
  readonly request: string
  readonly wait: string | boolean | undefined
}

export async function runRequest(ctx: Context, input: RunInput): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const approval = readWaitOption(input.wait, ctx.interactive, ctx.now())
  const result = await readResultOptions(ctx.io, input)
  const { client } = await ctx.connect()
  const request = await client.call(api.requests.get, { params: { id } }, { signal: ctx.io.interrupt })
  if (request.status === 'completed')
    throw new AppError('no_executions_left', {
      detail: `#${request.number} has already run`,
      hint: `Its result: twinlock result ${request.number}`,
    })
  if (!ctx.json) await ctx.say(requestTitle(request))
  return followRequest(ctx, client, request, {
    approval,
    execution: approval.wait ? approval : { wait: true, until: undefined },
    ...result,
  })
}
