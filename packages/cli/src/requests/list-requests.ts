import { api, type RequestStatus, type RequestView } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { printRecords, type RecordColumn } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'
import { text } from '../terminal/safe-text.ts'
import { targetOf } from './describe-request.ts'

interface ListInput {
  readonly status: RequestStatus | undefined
  readonly limit: string | undefined
  readonly format: OutputFormat | undefined
}

const PAGE = 200

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
  const { client } = await ctx.connect()
  const items: RequestView[] = []
  let cursor: string | undefined
  do {
    const page = await client.call(
      api.requests.list,
      {
        query: {
          limit: Math.min(limit - items.length, PAGE),
          ...(input.status ? { status: input.status } : {}),
          ...(cursor ? { cursor } : {}),
        },
      },
      { signal: ctx.io.interrupt },
    )
    items.push(...page.items)
    cursor = page.items.length > 0 ? (page.next_cursor ?? undefined) : undefined
  } while (cursor !== undefined && items.length < limit)
  await printRecords(ctx, input.format, COLUMNS, items.slice(0, limit))
  if (!ctx.json && items.length === 0)
    await ctx.say(text`no requests${input.status ? ` that are ${input.status}` : ''} among those you may see`)
  if (!ctx.json && cursor !== undefined) await ctx.say(text`there are more: --limit ${limit * 2}`)
  return EXIT.done
}

function readLimit(option: string | undefined): number {
  if (option === undefined) return 50
  if (/^[1-9]\d{0,5}$/.test(option)) return Number(option)
  throw new CliError('usage', `--limit ${option} is not a number of requests.`, 'Give a whole number from 1 to 999999.')
}
