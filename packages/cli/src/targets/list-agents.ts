import { type AgentView, api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { printRecords } from '../results/print-records.ts'
import type { OutputFormat } from '../results/result-writer.ts'
import { text } from '../terminal/safe-text.ts'

export async function listAgents(
  ctx: Context,
  { format }: { readonly format: OutputFormat | undefined },
): Promise<ExitCode> {
  const { client } = await ctx.connect()
  const { items } = await client.call(api.agents.list, {}, { signal: ctx.io.interrupt })
  await printRecords<AgentView>(
    ctx,
    format,
    [
      { name: 'agent', value: ({ id }) => id },
      { name: 'state', value: ({ online }) => (online ? 'online' : 'away') },
      { name: 'version', value: ({ version }) => version },
      { name: 'last_seen_at', value: ({ last_seen_at }) => last_seen_at },
      { name: 'running', type: 'integer', value: ({ running }) => running },
      { name: 'free', type: 'integer', value: ({ free_capacity }) => free_capacity },
      { name: 'clock_skew_ms', type: 'integer', value: ({ clock_skew_ms }) => clock_skew_ms },
      { name: 'targets', value: ({ targets }) => targets.map(describeTarget).join(',') },
    ],
    items,
  )
  if (!ctx.json && format === undefined && items.length === 0)
    await ctx.say(
      text`no agents of targets you may see\n  To start one: twinlock token create --agent --target app/production`,
    )
  return EXIT.done
}

function describeTarget({ target, bound, state }: AgentView['targets'][number]): string {
  if (!bound) return `${target} (not bound to its token)`
  return state.status === 'ok' ? target : `${target} (${state.status})`
}
