import { api, type UserStatus } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { allPages } from '../results/all-pages.ts'
import { printRecords } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'

interface ListInput {
  readonly status: UserStatus | undefined
  readonly format: OutputFormat | undefined
}

export async function listUsers(ctx: Context, { status, format }: ListInput): Promise<ExitCode> {
  const { client } = await ctx.connect()
  const { items } = await allPages((page) =>
    client.call(
      api.identity.listUsers,
      { query: { ...(status ? { status } : {}), ...page } },
      { signal: ctx.io.interrupt },
    ),
  )
  await printRecords(
    ctx,
    format,
    [
      { name: 'name', value: ({ name }) => name },
      { name: 'status', value: (user) => user.status },
      { name: 'roles', value: ({ roles }) => roles.join(',') },
      { name: 'last_seen_at', value: ({ last_seen_at }) => last_seen_at },
      { name: 'created_at', value: ({ created_at }) => created_at },
    ],
    items,
  )
  return EXIT.done
}
