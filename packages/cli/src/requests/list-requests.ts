import { api, type RequestStatus, type RequestView } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { printRecords, type RecordColumn } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'
import { text } from '../terminal/safe-text.ts'
import { targetOf } from './describe-request.ts'
import { readRequests } from './read-requests.ts'
import { parseTargetFilter, parseUserName } from './target-option.ts'

interface ListInput {
  readonly status: RequestStatus | undefined
  readonly target: string | undefined
  readonly requester: string | undefined
  readonly mine: boolean
  readonly limit: string | undefined
  readonly format: OutputFormat | undefined
}

const COLUMNS: readonly RecordColumn<RequestView>[] = [
  { name: 'number', type: 'integer', value: ({ number }) => number },
  { name: 'status', value: ({ status }) => status },
  { name: 'target', value: targetOf },
  { name: 'operations', value: ({ operations }) => operations.join(',') },
  { name: 'requester', value: ({ requester }) => requester },
  { name: 'execution', value: ({ latest_execution }) => latest_execution?.status ?? '' },
  { name: 'created_at', value: ({ created_at }) => created_at },
  { name: 'reason', value: ({ reason }) => reason ?? '' },
]

export async function listRequests(ctx: Context, input: ListInput): Promise<ExitCode> {
  const limit = readLimit(input.limit)
  if (input.mine && input.requester !== undefined)
    throw new CliError('usage', 'Whose requests is said twice.', 'Use either --mine or --requester.')
  const { status } = input
  const target = input.target === undefined ? undefined : parseTargetFilter(input.target)
  const named = input.requester === undefined ? undefined : parseUserName(input.requester)
  const { client } = await ctx.connect()
  const { interrupt: signal } = ctx.io
  const requester = input.mine ? (await client.call(api.identity.me, {}, { signal })).name : named
  const query = {
    ...(status ? { status } : {}),
    ...(target ? { target } : {}),
    ...(requester ? { requester } : {}),
  }
  const { items, more } = await readRequests(client, query, limit, signal)
  await printRecords(ctx, input.format, COLUMNS, items)
  if (ctx.json) return EXIT.done
  if (items.length === 0) {
    const of = requester ? ` of ${requester}` : ''
    const on = target ? ` on ${target}` : ''
    await ctx.say(text`no requests${of}${on}${status ? ` that are ${status}` : ''} among those you may see`)
  }
  if (more) await ctx.say(text`there are more: --limit ${limit * 2}`)
  return EXIT.done
}

function readLimit(option: string | undefined): number {
  if (option === undefined) return 50
  if (/^[1-9]\d{0,5}$/.test(option)) return Number(option)
  throw new CliError('usage', `--limit ${option} is not a number of requests.`, 'Give a whole number from 1 to 999999.')
}
