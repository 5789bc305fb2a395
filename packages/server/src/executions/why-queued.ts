import { type ExecutionView, formatDuration, TARGET_PROBLEM_CODES } from '@twinlock/contract'
import type { Presence } from '../agents/agent-presence.ts'
import type { Context } from '../context.ts'
import { targetText } from '../policies/targets.ts'
import { readPause } from '../targets/read-pauses.ts'
import type { ExecutionRecord } from './execution-store.ts'

/** Why a queued execution waits, said when it is looked at: one small read, and the rest is in memory. */
export async function readWaiting(
  ctx: Pick<Context, 'db' | 'clock' | 'agentPresence'>,
  execution: Pick<ExecutionRecord, 'status' | 'database' | 'environment'>,
): Promise<ExecutionView['waiting']> {
  if (execution.status !== 'queued') return null
  const target = targetText(execution)
  const pause = await readPause(ctx.db.read, execution)
  return whyQueued(target, pause, ctx.agentPresence.listServing(target), ctx.clock.now())
}

/** Names in a message; the rest is counted. */
const MAX_NAMES = 3

/** Pure. Null when an agent is about to take it. */
export function whyQueued(
  target: string,
  pause: { readonly by: string; readonly reason: string | null } | undefined,
  agents: readonly Presence[],
  now: number,
): ExecutionView['waiting'] {
  if (pause)
    return {
      code: 'target_paused',
      message: `${target} is paused by ${pause.by}${pause.reason === null ? '' : `: ${pause.reason}`}`,
    }
  const online = agents.filter(({ isOnline }) => isOnline)
  if (online.length === 0) return { code: 'no_agent', message: noAgent(target, agents, now) }
  const willing = online.filter(({ targets }) => targets.get(target)?.state.status !== 'refused')
  if (willing.length === 0) return { code: 'target_refused', message: refusedBy(target, online) }
  if (willing.some(({ freeCapacity }) => freeCapacity > 0)) return null
  return { code: 'agents_busy', message: `every agent that serves ${target} is busy: ${names(willing)}` }
}

function noAgent(target: string, agents: readonly Presence[], now: number): string {
  const said = `no agent that serves ${target} is in touch`
  const last = agents.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt)[0]
  return last ? `${said}; the last one, ${last.agentId}, was seen ${ago(now - last.lastSeenAt)}` : said
}

function refusedBy(target: string, agents: readonly Presence[]): string {
  const code = agents.map(({ targets }) => targets.get(target)?.state.code).find((one) => one != null)
  const problem = Object.entries(TARGET_PROBLEM_CODES).find(([known]) => known === code)?.[1]
  const said = `${names(agents)} ${agents.length === 1 ? 'does' : 'do'} not serve ${target}`
  return problem ? `${said}: ${problem.title[0]?.toLowerCase()}${problem.title.slice(1)}. ${problem.hint}` : said
}

function names(agents: readonly Presence[]): string {
  const ids = agents.map(({ agentId }) => agentId).sort()
  const more = ids.length - MAX_NAMES
  return more > 0 ? `${ids.slice(0, MAX_NAMES).join(', ')} and ${more} more` : ids.join(', ')
}

/** `4 min ago`: the largest unit is enough. */
function ago(ms: number): string {
  const [amount, unit] = formatDuration(Math.max(0, ms)).split(' ')
  return `${amount} ${unit} ago`
}
