import { AppError, api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { ExitCode } from '../exit-codes.ts'
import { type ResultInput, readResultOptions } from '../results/result-options.ts'
import { finishExecution } from './finish-execution.ts'
import { readExecutionId, readRequestRef } from './request-ref.ts'
import { readWaitOption } from './wait-option.ts'

interface ShowInput extends ResultInput {
  readonly request: string
  readonly execution: string | undefined
  readonly wait: string | boolean | undefined
}

export async function showResult(ctx: Context, input: ShowInput): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const wanted = input.execution === undefined ? undefined : readExecutionId(input.execution)
  const patience = readWaitOption(input.wait, true, ctx.now())
  const result = await readResultOptions(ctx.io, input)
  const { client } = await ctx.connect()
  const { interrupt: signal } = ctx.io
  const request = await client.call(api.requests.get, { params: { id } }, { signal })
  const executionId = wanted ?? request.latest_execution?.id
  if (executionId === undefined)
    throw new AppError('result_not_available', {
      detail: `#${request.number} has not run`,
      hint: `What it waits for: twinlock request show ${request.number}`,
    })
  const execution = await client.call(api.executions.get, { params: { id: executionId } }, { signal })
  if (execution.request_id !== request.id)
    throw new AppError('execution_not_found', { detail: `${executionId} is not an execution of #${request.number}` })
  return finishExecution(ctx, client, request, execution, { execution: patience, ...result })
}
