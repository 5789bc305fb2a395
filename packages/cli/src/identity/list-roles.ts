import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { printRecords } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'

export async function listRoles(
  ctx: Context,
  { format }: { readonly format: OutputFormat | undefined },
): Promise<ExitCode> {
  const { client } = await ctx.connect()
  const { items } = await client.call(api.identity.listRoles, {}, { signal: ctx.io.interrupt })
  await printRecords(
    ctx,
    format,
    [
      { name: 'role', value: ({ name }) => name },
      { name: 'permissions', value: ({ permissions }) => permissions.join(' ') },
    ],
    items,
  )
  return EXIT.done
}
