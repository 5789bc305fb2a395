import { api, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import type { ExitCode } from '../exit-codes.ts'
import { type ResultInput, readResultOptions } from '../results/result-options.ts'
import { readSql } from './read-sql.ts'
import { readRequestRef } from './request-ref.ts'
import { readTarget } from './target-option.ts'
import { readWaitOption } from './wait-option.ts'

interface SubmitInput extends ResultInput {
  readonly sql: string | undefined
  readonly file: string | undefined
  readonly database: string | undefined
  readonly environment: string | undefined
  readonly target: string | undefined
  readonly reason: string | undefined
  readonly onApproval: boolean
  readonly replaces: string | undefined
  readonly wait: string | boolean | undefined
}

/** Everything that can be wrong here is found before anything is sent. */
export async function submitSql(ctx: Context, input: SubmitInput): Promise<ExitCode> {
  const approval = readWaitOption(input.wait, ctx.interactive, ctx.now())
  const result = await readResultOptions(ctx.io, input)
  const replaces = input.replaces === undefined ? undefined : readRequestRef(input.replaces)
  const { client, database, environment } = await ctx.connect()
  const target = readTarget(input, { database, environment })
  const sql = await readSql(ctx.io, input)
  const reason = input.reason?.trim() || undefined
  const sent = Promise.withResolvers<void>()
  const body = {
    ...target,
    sql,
    ...(reason === undefined ? {} : { reason }),
    start: input.onApproval ? ('on_approval' as const) : ('manual' as const),
    ...(replaces === undefined ? {} : { replaces }),
  }
  const creating = createRequest(ctx, client, body, sent.resolve)
  // The rest of the program is read while the server decides, and not before it has been asked.
  await Promise.race([sent.promise, creating])
  const [request, { followRequest }, { requestTitle }] = await Promise.all([
    creating,
    import('./follow-request.ts'),
    import('./describe-request.ts'),
  ])
  // Rows that come at once need no announcement.
  if (!ctx.json && request.status === 'pending') await ctx.say(requestTitle(request))
  return followRequest(ctx, client, request, {
    fresh: true,
    approval,
    execution: approval.wait ? approval : { wait: true, until: undefined },
    ...result,
  })
}

export async function createRequest(
  ctx: Context,
  client: Client,
  body: Parameters<typeof client.call<typeof api.requests.create>>[1]['body'],
  onSent?: () => void,
): Promise<RequestView> {
  try {
    return await client.call(api.requests.create, { body }, { signal: ctx.io.interrupt, ...(onSent ? { onSent } : {}) })
  } catch (error) {
    if (!ctx.io.interrupt.aborted) throw error
    throw new CliError(
      'interrupted',
      'Nobody has answered yet: the request may have been made, or not.',
      'Look: twinlock request list',
      error,
    )
  }
}
