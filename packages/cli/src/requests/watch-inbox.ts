import { api, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import type { Sink } from '../io.ts'
import type { RecordColumn } from '../results/print-records.ts'
import { createResultWriter, type OutputFormat } from '../results/result-writer.ts'
import { createLiveArea } from '../terminal/live-area.ts'
import { joined, type Palette, type SafeText, text } from '../terminal/safe-text.ts'
import { cutToWidth, widthOf } from '../terminal/text-width.ts'
import { plural } from '../terminal/time-text.ts'
import { requestTitle } from './describe-request.ts'
import { poll } from './poll.ts'
import { INBOX_LIMIT, nextStep } from './show-inbox.ts'
import { firstLine, waitingColumns } from './waiting-columns.ts'

const POLL_S = 25

/** Until Ctrl-C: drawn again in a terminal, a line for each that comes anywhere else. */
export async function watchInbox(ctx: Context, client: Client, format: OutputFormat | undefined): Promise<ExitCode> {
  const drawn = ctx.io.stdout.isTTY && ctx.live && format === undefined
  let items: readonly RequestView[] = []
  let version: string | undefined
  await using area = createLiveArea(drawn ? ctx.io.stdout : ctx.io.stderr, drawn)
  const append = drawn ? undefined : await createAppender(ctx, format)
  const { interrupt: signal } = ctx.io
  try {
    for (;;) {
      const asked = version
      const page = await poll(
        ctx,
        area,
        signal,
        () =>
          client.call(
            api.requests.list,
            {
              query: {
                awaiting: 'me',
                limit: INBOX_LIMIT,
                ...(asked === undefined ? {} : { version: asked, wait: POLL_S }),
              },
            },
            { signal },
          ),
        ({ version: now }) => now !== asked,
        'for ever',
      )
      version = page.version
      items = page.items.toReversed()
      await append?.(items)
      await area.set((columns, rows) => picture(ctx, items, columns, rows))
    }
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted
    throw error
  }
}

function picture(ctx: Context, items: readonly RequestView[], columns: number, rows: number): SafeText[] {
  const room = Math.max(rows - 4, 1)
  const head = text`${ctx.out.bold(items.length === 0 ? 'nothing waits for you' : `${plural(items.length, 'request')} for you`)}   Ctrl-C ends`
  const lines = columnLines(ctx.out, items.slice(0, room), waitingColumns(ctx.now()), columns)
  const hidden = items.length - room
  return [
    head,
    ...lines,
    ...(hidden > 0 ? [text`… and ${hidden} more`] : []),
    ...(items.length > 0 ? [nextStep(items)] : []),
  ]
}

const GAP = '  '
/** No column but the last takes more. */
const WIDEST = 30

/** A line a request, in columns; what does not fit is cut. */
function columnLines(
  palette: Palette,
  items: readonly RequestView[],
  columns: readonly RecordColumn<RequestView>[],
  width: number,
): SafeText[] {
  const cells = items.map((item) =>
    columns.map(({ value }) => cutToWidth(text`${String(value(item) ?? '')}`.safe, WIDEST)),
  )
  const widths = columns.map((_, i) => Math.max(0, ...cells.map((row) => widthOf(row[i] ?? ''))))
  return cells.map((row) => {
    const parts = row.map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - widthOf(cell)))
    const [number = '', ...rest] = parts
    const line = [palette.bold({ safe: number }).safe, ...rest].join(GAP).trimEnd()
    return { safe: cutToWidth(line, width - 1) }
  })
}

type Append = (items: readonly RequestView[]) => Promise<void>

/** Writes what has not been there before; what has been decided meanwhile and comes back is news again. */
async function createAppender(ctx: Context, format: OutputFormat | undefined): Promise<Append> {
  const write = await createRecordLines(ctx, ctx.io.stdout, format)
  let known = new Set<string>()
  return async (items) => {
    const fresh = items.filter(({ id }) => !known.has(id))
    known = new Set(items.map(({ id }) => id))
    if (fresh.length > 0) await write(fresh)
  }
}

async function createRecordLines(ctx: Context, sink: Sink, format: OutputFormat | undefined): Promise<Append> {
  if (format === undefined || format === 'table' || format === 'json')
    return (items) =>
      ctx.print(
        joined(
          items.map((item) => lineOf(item)),
          '\n',
        ),
      )
  const writer = await createResultWriter(format, sink, ctx.out)
  let begun = false
  return async (items) => {
    const columns = waitingColumns(ctx.now())
    if (!begun)
      await writer.header(
        columns.map(({ name, type }) => ({ name, type: type ?? 'text' })),
        1,
      )
    begun = true
    await writer.rows(items.map((item) => columns.map(({ value }) => value(item))))
  }
}

/** `#1042  dml on app/production   alice: INC-204   update orders …` */
function lineOf(request: RequestView): SafeText {
  const reason = request.reason === null ? '' : `: ${request.reason}`
  return text`${requestTitle(request)}   ${request.requester}${reason}   ${firstLine(request)}`
}
