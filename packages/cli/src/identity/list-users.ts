import { api, type UserView } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { printRecords } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'

export async function listUsers(ctx: Context, input: { readonly format: OutputFormat | undefined }): Promise<ExitCode> {
  const { client } = await ctx.connect()
  const users: UserView[] = []
  let cursor: string | undefined
  do {
    const page = await client.call(
      api.identity.listUsers,
      { query: { limit: 200, ...(cursor ? { cursor } : {}) } },
      { signal: ctx.io.interrupt },
    )
    users.push(...page.items)
    cursor = page.items.length > 0 ? (page.next_cursor ?? undefined) : undefined
  } while (cursor !== undefined)
  await printRecords(
    ctx,
    input.format,
    [
      { name: 'name', value: ({ name }) => name },
      { name: 'roles', value: ({ roles }) => roles.join(',') },
      { name: 'created_at', value: ({ created_at }) => created_at },
    ],
    users,
  )
  return EXIT.done
}
