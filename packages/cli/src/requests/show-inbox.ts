import type { RequestView } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { printRecords } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'
import { type SafeText, text } from '../terminal/safe-text.ts'
import { plural } from '../terminal/time-text.ts'
import { readRequests } from './read-requests.ts'
import { waitingColumns } from './waiting-columns.ts'

interface InboxInput {
  readonly watch: boolean
  readonly format: OutputFormat | undefined
}

/** More than anybody decides in a sitting. */
export const INBOX_LIMIT = 200

export async function showInbox(ctx: Context, input: InboxInput): Promise<ExitCode> {
  if (input.watch && ctx.json)
    throw new CliError(
      'usage',
      'What is watched has no end, and so is no JSON document.',
      'For a program: twinlock inbox --watch -o jsonl, one JSON object a line.',
    )
  const { client } = await ctx.connect()
  if (input.watch) return (await import('./watch-inbox.ts')).watchInbox(ctx, client, input.format)
  const { items, more } = await readRequests(client, { awaiting: 'me' }, INBOX_LIMIT, ctx.io.interrupt)
  const oldestFirst = items.toReversed()
  await printRecords(ctx, input.format, waitingColumns(ctx.now()), oldestFirst)
  if (ctx.json) return EXIT.done
  await ctx.say(nextStep(oldestFirst))
  if (more) await ctx.say(text`there are more: these are the newest ${plural(INBOX_LIMIT, 'request')}`)
  return EXIT.done
}

/** What to type next. */
export function nextStep([first]: readonly RequestView[]): SafeText {
  return first ? text`look at one and decide: twinlock approve ${first.number}` : text`nothing waits for you`
}
