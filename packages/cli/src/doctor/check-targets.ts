import { type AgentView, api, formatDuration, isAppError, type TargetView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import type { Context } from '../context.ts'
import { engineOf, servedBy, targetName, targetState } from '../targets/target-state.ts'
import { relativeText, timeText } from '../terminal/time-text.ts'
import { fromError } from './check-server.ts'
import { type Finding, fine, problem } from './finding.ts'

/** Agents refuse orders at 60 s. */
const SKEW_MS = 10_000

export async function checkTargets(ctx: Context, client: Client): Promise<Finding[]> {
  const options = { signal: ctx.io.interrupt }
  try {
    const [targets, agents] = await Promise.all([
      client.call(api.targets.list, {}, options),
      client.call(api.agents.list, {}, options),
    ])
    if (targets.items.length === 0) return [fine('targets', 'none that you may see')]
    const now = ctx.now()
    return [
      ...targets.items.map((target) => targetFinding(target, now)),
      ...agents.items.flatMap((agent) => agentFindings(agent)),
    ]
  } catch (error) {
    if (isAppError(error, 'permission_denied')) return [fine('targets', 'your roles do not show them')]
    if (isAppError(error, 'not_found'))
      return [fine('targets', 'this server does not list them: it is older than this twinlock')]
    return [fromError('targets', error)]
  }
}

function targetFinding(target: TargetView, now: number): Finding {
  const name = targetName(target)
  const { state, why } = targetState(target)
  const agent = servedBy(target)
  if (state === 'ok' || state === 'unknown') {
    const seen = agent?.last_seen_at ? `, seen ${relativeText(agent.last_seen_at, now)}` : ''
    const version = engineOf(target) ?? (state === 'unknown' ? 'not reached yet' : target.dialect)
    return fine('targets', `${name}   agent ${agent?.id ?? ''}, ${version}${seen}`)
  }
  if (state === 'paused') return problem('targets', `${name}   ${why}`, `To go on: twinlock target resume ${name}`)
  if (state === 'no_agent') {
    const last = target.agents
      .map(({ last_seen_at }) => last_seen_at ?? '')
      .sort()
      .at(-1)
    const since = last
      ? `no agent has reported since ${timeText(last, now)}`
      : 'no agent has reported since the server started'
    return problem('targets', `${name}   ${since}`, 'Start one: twinlock-agent --config twinlock-agent.toml')
  }
  const hint =
    state === 'refused'
      ? 'The agent reaches it and does not serve it: see its log, or run twinlock-agent check there.'
      : "See whether the database is up and the URL in the agent's configuration is right."
  return problem('targets', `${name}   ${why}`, hint)
}

function agentFindings(agent: AgentView): Finding[] {
  const skew = agent.clock_skew_ms ?? 0
  const unbound = agent.targets.filter(({ bound }) => !bound).map(({ target }) => target)
  return [
    ...(Math.abs(skew) < SKEW_MS
      ? []
      : [
          problem(
            'agents',
            `${agent.id}   its clock is ${formatDuration(Math.abs(skew))} ${skew > 0 ? 'ahead' : 'behind'}`,
            'From 60 s on it refuses every order. Set its clock by NTP.',
          ),
        ]),
    ...(unbound.length === 0
      ? []
      : [
          problem(
            'agents',
            `${agent.id}   announces ${unbound.join(', ')}, which its token is not bound to`,
            `Take it out of its configuration, or give it another token: twinlock token create --agent --target ${unbound[0] ?? ''}`,
          ),
        ]),
  ]
}
