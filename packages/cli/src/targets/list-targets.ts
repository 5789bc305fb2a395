import { api, type TargetView } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { printRecords } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'
import { text } from '../terminal/safe-text.ts'
import { engineOf, targetName, targetState } from './target-state.ts'

export async function listTargets(
  ctx: Context,
  { format }: { readonly format: OutputFormat | undefined },
): Promise<ExitCode> {
  const { client } = await ctx.connect()
  const { items } = await client.call(api.targets.list, {}, { signal: ctx.io.interrupt })
  await printRecords<TargetView>(
    ctx,
    format,
    [
      { name: 'target', value: targetName },
      { name: 'state', value: (target) => targetState(target).state },
      { name: 'dialect', value: ({ dialect }) => dialect },
      { name: 'server_version', value: (target) => engineOf(target) ?? null },
      { name: 'queued', type: 'integer', value: ({ queued }) => queued },
      { name: 'running', type: 'integer', value: ({ running }) => running },
      {
        name: 'agents',
        value: ({ agents }) => agents.map(({ id, online }) => (online ? id : `${id} (away)`)).join(','),
      },
    ],
    items,
  )
  if (!ctx.json && format === undefined) {
    for (const target of items.filter(({ paused }) => paused !== null))
      await ctx.say(
        text`${targetName(target)} is ${targetState(target).why}\n  To go on: twinlock target resume ${targetName(target)}`,
      )
    if (items.length === 0) await ctx.say(text`no targets among those you may see`)
  }
  return EXIT.done
}
