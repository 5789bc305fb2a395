import { stringify } from 'smol-toml'

export interface Starter {
  readonly database: string
  /** The last one is guarded by people. */
  readonly environments: readonly string[]
  readonly listen: string
  readonly agentId: string
}

export const DEFAULT_STARTER: Starter = {
  database: 'app',
  environments: ['development', 'production'],
  listen: '127.0.0.1:3000',
  agentId: 'agent-1',
}

/** Where an approver is needed, and where nobody is. */
function splitEnvironments({ environments }: Starter): { guarded: string; free: readonly string[] } {
  const guarded = environments.at(-1) ?? 'production'
  return { guarded, free: environments.filter((name) => name !== guarded) }
}

/** The rules in one line. */
export function rulesText(starter: Starter): string {
  const { guarded, free } = splitEnvironments(starter)
  const guardedText = `reads and changes in ${guarded} need an approver`
  return free.length === 0 ? guardedText : `${guardedText}; in ${free.join(', ')} they run at once`
}

export function serverToml(starter: Starter): string {
  const { guarded, free } = splitEnvironments(starter)
  return `# Twinlock server. Start it with: twinlock-server --config twinlock-server.toml
${value({ state_dir: './twinlock-state' })}   # state, signing key and the first tokens; keep it private
${value({ listen: starter.listen })}

[[databases]]
${value({ name: starter.database })}
${value({ environments: starter.environments })}
${value({ dialect: 'postgresql' })}

# Whatever no workflow allows is denied. The most specific workflow counts. Everything is recorded.

# Reads of ${guarded} and changes to it need a reason and somebody else's approval.
[[workflows]]
database = "*"
${value({ environment: guarded })}
operations = ["select", "dml", "ddl"]
require_reason = true
auto_approve = "never"

[[workflows.steps]]
approvers = [{ role = "approver", min = 1 }]
${free.map(freeWorkflow).join('')}`
}

function freeWorkflow(environment: string): string {
  return `
# In ${environment} reads and changes run at once, without approval.
[[workflows]]
database = "*"
${value({ environment })}
operations = ["select", "dml", "ddl"]
auto_approve = "always"
`
}

export function agentToml(starter: Starter): string {
  return `# Twinlock agent: the only part that holds database credentials. Start it with: twinlock-agent --config twinlock-agent.toml
${value({ agent_id: starter.agentId })}
${value({ state_dir: './twinlock-agent-state' })}   # its journal; must outlive restarts

[server]
${value({ url: serverUrl(starter) })}
token = "\${TWINLOCK_AGENT_TOKEN}"   # the content of twinlock-state/agent-token
${starter.environments
  .map(
    (environment) => `
[databases.${key(starter.database)}.${key(environment)}]
url = "\${${urlVariable(environment)}}"   # postgres://user:password@host/database
`,
  )
  .join('')}`
}

export function serverUrl({ listen }: Starter): string {
  return `http://${listen.replace(/^0\.0\.0\.0:/, '127.0.0.1:')}`
}

export function urlVariable(environment: string): string {
  return `${environment.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_DATABASE_URL`
}

/** `key = value`, quoted as TOML wants it. */
function value(pair: Readonly<Record<string, string | readonly string[]>>): string {
  return stringify(pair).trim()
}

function key(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name)
}
