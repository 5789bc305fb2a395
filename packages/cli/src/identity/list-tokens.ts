import { api } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { allPages } from '../results/all-pages.ts'
import { printRecords } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'
import { tokenState } from './token-state.ts'

interface ListInput {
  readonly user: string | undefined
  readonly all: boolean
  readonly kind: 'user' | 'agent' | undefined
  readonly format: OutputFormat | undefined
}

export async function listTokens(ctx: Context, { user, all, kind, format }: ListInput): Promise<ExitCode> {
  if (user !== undefined && all)
    throw new CliError('usage', "Somebody's tokens, or everybody's?", 'Use either --user NAME or --all.')
  // An agent's token belongs to nobody, and is in the list of all.
  const query = {
    ...(user === undefined ? {} : { user }),
    ...(all || kind === 'agent' ? { all: 'true' as const } : {}),
    ...(kind === undefined ? {} : { kind }),
  }
  const { client } = await ctx.connect()
  const { items } = await allPages((page) =>
    client.call(api.identity.listTokens, { query: { ...query, ...page } }, { signal: ctx.io.interrupt }),
  )
  await printRecords(
    ctx,
    format,
    [
      { name: 'id', value: ({ id }) => id },
      { name: 'owner', value: ({ targets, ...token }) => token.user ?? `agents of ${targets?.join(',') ?? ''}` },
      { name: 'label', value: ({ label }) => label },
      { name: 'state', value: (token) => tokenState(token, ctx.now()) },
      { name: 'last_used_at', value: ({ last_used_at }) => last_used_at },
      { name: 'expires_at', value: ({ expires_at }) => expires_at },
      { name: 'created_at', value: ({ created_at }) => created_at },
    ],
    items,
  )
  return EXIT.done
}
