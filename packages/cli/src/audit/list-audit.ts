import { type AuditEventView, api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { allPages } from '../results/all-pages.ts'
import { printRecords } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'
import { text } from '../terminal/safe-text.ts'
import { type FilterInput, readCount, readFilters, readTime } from './event-filters.ts'
import { dataText, eventText } from './event-text.ts'

interface ListInput extends FilterInput {
  readonly since: string | undefined
  readonly until: string | undefined
  readonly limit: string | undefined
  readonly format: OutputFormat | undefined
}

export async function listAudit(ctx: Context, input: ListInput): Promise<ExitCode> {
  const limit = Math.max(readCount(input.limit, 50), 1)
  const since = readTime('--since', input.since, ctx.now())
  const until = readTime('--until', input.until, ctx.now())
  const filters = { ...readFilters(input), ...(since ? { since } : {}), ...(until ? { until } : {}) }
  const { client } = await ctx.connect()
  const { items, more } = await allPages(
    (page) => client.call(api.audit.events, { query: { ...filters, ...page } }, { signal: ctx.io.interrupt }),
    limit,
  )
  // In a terminal a line each, as they are followed: what events say does not fit into columns.
  if (input.format === undefined && !ctx.json && ctx.io.stdout.isTTY)
    for (const event of items) await ctx.print(eventText(event, ctx.out, ctx.now()))
  else await printEvents(ctx, input.format, items)
  if (!ctx.json && items.length === 0) await ctx.say(text`no events that fit`)
  if (!ctx.json && more) await ctx.say(text`there are more: --limit ${limit * 2}, or --until ${items.at(-1)?.at ?? ''}`)
  return EXIT.done
}

function printEvents(ctx: Context, format: OutputFormat | undefined, events: readonly AuditEventView[]): Promise<void> {
  return printRecords<AuditEventView>(
    ctx,
    format,
    [
      { name: 'seq', type: 'integer', value: ({ seq }) => seq },
      { name: 'at', value: ({ at }) => at },
      { name: 'type', value: ({ type }) => type },
      { name: 'actor', value: ({ actor }) => actor.id },
      { name: 'subject', value: ({ subject }) => subject?.id ?? null },
      { name: 'data', value: ({ data }) => dataText(data) },
    ],
    events,
  )
}
