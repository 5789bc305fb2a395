import type { Context } from '../context.ts'
import type { Value } from './read-result.ts'
import { createResultWriter, type OutputFormat } from './result-writer.ts'

export interface RecordColumn<T> {
  readonly name: string
  readonly type?: 'integer'
  readonly value: (record: T) => Value
}

/** Lists of our own in the same formats as results; `json` prints the records whole. */
export async function printRecords<T>(
  ctx: Context,
  format: OutputFormat | undefined,
  columns: readonly RecordColumn<T>[],
  records: readonly T[],
): Promise<void> {
  if (ctx.json || format === 'json') return ctx.printJson(records)
  const writer = await createResultWriter(format ?? 'table', ctx.io.stdout, ctx.out)
  await writer.header(
    columns.map(({ name, type }) => ({ name, type: type ?? 'text' })),
    1,
  )
  await writer.rows(records.map((record) => columns.map(({ value }) => value(record))))
  await writer.end()
}
