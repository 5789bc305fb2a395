import { setTimeout as sleep } from 'node:timers/promises'
import { type AuditEventView, api, isAppError } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { jsonText } from '../results/json-text.ts'
import { text } from '../terminal/safe-text.ts'
import { type FilterInput, readCount, readFilters } from './event-filters.ts'
import { eventText } from './event-text.ts'

interface TailInput extends FilterInput {
  readonly limit: string | undefined
  readonly format: 'table' | 'jsonl' | undefined
}

const WAIT_S = 25
const RETRY_MS = 2000
const PAUSE_MS = 500

/** Ends by Ctrl-C, or with an error that waiting does not mend. */
export async function tailAudit(ctx: Context, input: TailInput): Promise<ExitCode> {
  const count = readCount(input.limit, 10)
  const filters = readFilters(input)
  const { client } = await ctx.connect()
  const print = async (events: readonly AuditEventView[]) => {
    for (const event of events)
      if (input.format === 'jsonl') await ctx.io.stdout.write(`${jsonText(event)}\n`)
      else await ctx.print(eventText(event, ctx.out, ctx.now()))
  }
  try {
    // The end is taken first: what happens meanwhile comes twice rather than never, and is left out by its number.
    let after = await lastSeq(ctx, client)
    const earlier = await readEarlier(ctx, client, filters, count)
    await print(earlier.filter(({ seq }) => seq <= after))
    for (;;) {
      const asked = ctx.now()
      const query = { ...filters, after, wait: WAIT_S, limit: 200 }
      const events = await patiently(ctx, async () => {
        const page = await client.call(api.audit.events, { query }, { signal: ctx.io.interrupt })
        return page.items
      })
      await print(events)
      // A server that does not hold the call is not asked again at once.
      if (events.length === 0 && ctx.now() - asked < PAUSE_MS)
        await sleep(PAUSE_MS, undefined, { signal: ctx.io.interrupt })
      after = events.at(-1)?.seq ?? after
    }
  } catch (error) {
    if (ctx.io.interrupt.aborted) return EXIT.interrupted
    throw error
  }
}

async function lastSeq(ctx: Context, client: Client): Promise<number> {
  const { items } = await client.call(api.audit.events, { query: { limit: 1 } }, { signal: ctx.io.interrupt })
  return items[0]?.seq ?? 0
}

async function readEarlier(
  ctx: Context,
  client: Client,
  filters: ReturnType<typeof readFilters>,
  count: number,
): Promise<readonly AuditEventView[]> {
  if (count === 0) return []
  const query = { ...filters, limit: Math.min(count, 200) }
  const { items } = await client.call(api.audit.events, { query }, { signal: ctx.io.interrupt })
  return items.toReversed()
}

/** A server that restarts is waited for. */
async function patiently<T>(ctx: Context, read: () => Promise<T>): Promise<T> {
  let isSaid = false
  for (;;)
    try {
      return await read()
    } catch (error) {
      const mayPass = isAppError(error, 'server_unreachable') || isAppError(error, 'not_ready')
      if (!mayPass || ctx.io.interrupt.aborted) throw error
      if (!isSaid) await ctx.say(text`the server does not answer; trying again until it does`)
      isSaid = true
      await sleep(RETRY_MS, undefined, { signal: ctx.io.interrupt })
    }
}
