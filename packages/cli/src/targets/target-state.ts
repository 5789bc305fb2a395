import { EXECUTION_ERROR_CODES, TARGET_PROBLEM_CODES, type TargetView } from '@twinlock/contract'

type TargetAgent = TargetView['agents'][number]

interface TargetState {
  readonly state: 'ok' | 'paused' | 'no_agent' | 'unreachable' | 'refused' | 'unknown'
  /** What it comes from, in words; empty for `ok`. */
  readonly why: string
}

export function targetName({ database, environment }: Pick<TargetView, 'database' | 'environment'>): string {
  return `${database}/${environment}`
}

/** An agent that serves the target now: one that reaches the database before one that does not. */
export function servedBy({ agents }: TargetView): TargetAgent | undefined {
  const online = agents.filter((agent) => agent.online)
  return online.find(({ status }) => status === 'ok') ?? online[0]
}

const ENGINES = { postgresql: 'PostgreSQL', mysql: 'MySQL', mariadb: 'MariaDB' } as const

/** `PostgreSQL 18.4`, also where the database gives the number alone; undefined while nobody has seen it. */
export function engineOf(target: TargetView): string | undefined {
  const version = servedBy(target)?.server_version
  if (!version) return undefined
  return /^\d/.test(version) ? `${ENGINES[target.dialect]} ${version}` : version
}

/** What somebody who wants to run something there has to know first. */
export function targetState(target: TargetView): TargetState {
  const { paused } = target
  if (paused) return { state: 'paused', why: `paused by ${paused.by}${paused.reason ? `: ${paused.reason}` : ''}` }
  const agent = servedBy(target)
  if (!agent) return { state: 'no_agent', why: 'no agent is there to serve it' }
  if (agent.status === 'ok') return { state: 'ok', why: '' }
  if (agent.status === 'unknown') return { state: 'unknown', why: `agent ${agent.id} has not tried to reach it yet` }
  return { state: agent.status, why: `agent ${agent.id}: ${problemTitle(agent.code)}` }
}

function problemTitle(code: string | null): string {
  const known: Readonly<Record<string, { readonly title: string } | undefined>> = {
    ...EXECUTION_ERROR_CODES,
    ...TARGET_PROBLEM_CODES,
  }
  return (code !== null && Object.hasOwn(known, code) ? known[code]?.title : undefined) ?? code ?? 'no reason given'
}
