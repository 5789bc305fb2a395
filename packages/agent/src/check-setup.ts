import { randomBytes } from 'node:crypto'
import { ERROR_CODES, formatDuration, isAppError, newId } from '@twinlock/contract'
import { keyFingerprint } from '@twinlock/evidence'
import { systemClock } from './clock.ts'
import { type AgentConfig, type AgentSecrets, targetName } from './config.ts'
import { DriverError, type Inspection, type TargetDriver } from './drivers/driver.ts'
import { createPostgresDriver } from './drivers/postgres.ts'
import { describeFailure } from './retry.ts'
import { chooseKey } from './server-key.ts'
import { createServerLink } from './server-link.ts'

/** `problem`: the agent could not do its work. `warning`: it could, and more than it should. */
export interface Finding {
  readonly level: 'fact' | 'warning' | 'problem'
  readonly text: string
  readonly remedy?: string
}

export interface CheckedPart {
  readonly name: string
  readonly findings: readonly Finding[]
}

const ATTEMPT_MS = 10_000
/** As between server and agent. */
const MAX_SKEW_MS = 60_000

/** Looks at the server and at each database as the agent would reach them; changes nothing on either. */
export async function checkSetup(config: AgentConfig, secrets: AgentSecrets): Promise<CheckedPart[]> {
  return await Promise.all([
    checkServer(config, secrets).then((findings) => ({ name: 'server', findings })),
    ...config.targets.map(async (target) => {
      const name = targetName(target)
      const urls = secrets.databases.get(name)
      if (!urls) return { name, findings: [problem('has no url', 'Give it one.')] }
      await using driver = createPostgresDriver({ url: urls.url, readOnlyUrl: urls.urlReadOnly })
      const findings = await checkAccess(driver, 'read_write', urls.url)
      if (urls.urlReadOnly !== undefined) findings.push(...(await checkAccess(driver, 'read_only', urls.urlReadOnly)))
      return { name, findings }
    }),
  ])
}

async function checkServer(config: AgentConfig, secrets: AgentSecrets): Promise<Finding[]> {
  let date = ''
  const link = createServerLink({
    config,
    secrets,
    clock: systemClock,
    journalId: newId('jrn', Date.now(), randomBytes),
    onDate: (given) => {
      date = given
    },
  })
  const startedAt = performance.now()
  try {
    const choice = chooseKey(await link.keys(AbortSignal.timeout(ATTEMPT_MS)), config.server.keyFingerprint)
    const took = formatDuration(performance.now() - startedAt)
    const findings = [
      fact(`${config.server.url} answers in ${took}`),
      ...clockFindings(Date.parse(date) - Date.now(), 1000),
    ]
    if (!choice.ok) return [...findings, problem(choice.why, choice.remedy)]
    findings.push(
      choice.firstUse
        ? warning(
            `its key is ${keyFingerprint(choice.key)}, and nothing here says that it is the right one`,
            "Give the agent a token that carries the key's fingerprint, or compare it with the server's.",
          )
        : fact(`its key ${keyFingerprint(choice.key).slice(0, 16)}… is the one in the token`),
    )
    return [...findings, await checkToken(link)]
  } catch (error) {
    return [
      problem(`${config.server.url}: ${describeFailure(error).reason}`, 'Check server.url, the network and ca_file.'),
    ]
  }
}

/** An execution that nobody has: an agent is told that there is none, anybody else nothing. */
async function checkToken(link: ReturnType<typeof createServerLink>): Promise<Finding> {
  const [execution_id, lease_id] = [newId('exe', Date.now(), randomBytes), newId('lse', Date.now(), randomBytes)]
  try {
    await link.heartbeat({ execution_id, lease_id, work_order: '' }, AbortSignal.timeout(ATTEMPT_MS))
  } catch (error) {
    if (isAppError(error) && [404, 409].includes(ERROR_CODES[error.code].status)) return fact('the token is accepted')
    if (isAppError(error) && [401, 403].includes(ERROR_CODES[error.code].status))
      return problem('the server does not accept the token', 'Create one for this agent: twinlock token create.')
    return problem(`the token could not be tried: ${describeFailure(error).reason}`, 'Try again.')
  }
  return problem('the answer did not come from a Twinlock server', 'Check server.url.')
}

async function checkAccess(driver: TargetDriver, access: 'read_only' | 'read_write', url: string): Promise<Finding[]> {
  const key = access === 'read_only' ? 'url_read_only' : 'url'
  try {
    return describeAccess(key, await driver.inspect(access), isLocal(url))
  } catch (error) {
    const failure = error instanceof DriverError ? error : undefined
    return [
      problem(
        `${key}: ${failure?.message ?? describeFailure(error).reason}`,
        failure?.hint ?? 'Check the url, the network, and that the role may log in.',
      ),
    ]
  }
}

/** Pure. */
export function describeAccess(key: 'url' | 'url_read_only', found: Inspection, isLocalAddress: boolean): Finding[] {
  const { role, serverVersion, isEncrypted, powers, writable, canAskTransactions } = found
  const findings = [fact(`${key}: PostgreSQL ${serverVersion} as ${role}, ${isEncrypted ? 'TLS' : 'no TLS'}`)]
  findings.push(...clockFindings(found.clockSkewMs, 0))
  if (!isEncrypted && !isLocalAddress)
    findings.push(warning(`${key}: what passes can be read on the way`, 'Add ?sslmode=verify-full to it.'))
  for (const power of powers)
    findings.push(
      warning(`${key}: the role ${role} ${power}`, 'Give the agent a role with rights on its tables alone.'),
    )
  if (key === 'url_read_only' && writable.length > 0)
    findings.push(
      warning(
        `${key}: the role ${role} can write ${listed(writable)}`,
        'Revoke that: READ ONLY transactions are a second line, not a wall.',
      ),
    )
  if (key === 'url' && !canAskTransactions)
    findings.push(
      warning(
        `${key}: after a crash during COMMIT nobody can say what became of it: the role may not ask, or this is a standby`,
        'grant execute on function pg_control_system() to the role.',
      ),
    )
  return findings
}

/** `precisionMs`: the Date of an HTTP answer has whole seconds. */
function clockFindings(skewMs: number, precisionMs: number): Finding[] {
  if (!Number.isFinite(skewMs)) return []
  const apart = Math.max(0, Math.abs(skewMs) - precisionMs)
  const text = `its clock is ${formatDuration(apart)} ${skewMs < 0 ? 'behind' : 'ahead'}`
  if (apart <= precisionMs || apart < 1000) return []
  return [apart > MAX_SKEW_MS ? problem(text, 'Set the clocks (NTP): executions would be refused.') : fact(text)]
}

const LISTED = 3

function listed(names: readonly string[]): string {
  const rest = names.length - LISTED
  return `${names.slice(0, LISTED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function isLocal(url: string): boolean {
  const { hostname } = new URL(url)
  return ['', 'localhost', '127.0.0.1', '[::1]'].includes(hostname) || hostname.startsWith('%2F')
}

function fact(text: string): Finding {
  return { level: 'fact', text }
}

function warning(text: string, remedy: string): Finding {
  return { level: 'warning', text, remedy }
}

function problem(text: string, remedy: string): Finding {
  return { level: 'problem', text, remedy }
}

/** What a person sees; one block a part, then the sum. */
export function printChecked(parts: readonly CheckedPart[]): { readonly text: string; readonly ok: boolean } {
  const width = Math.max(...parts.map(({ name }) => name.length)) + 2
  const lines = parts.flatMap(({ name, findings }) =>
    findings.flatMap(({ level, text, remedy }, i) => [
      `${(i === 0 ? name : '').padEnd(width)}${level === 'fact' ? '' : `${level}: `}${printable(text)}`,
      ...(remedy === undefined ? [] : [`${' '.repeat(width)}  ${printable(remedy)}`]),
    ]),
  )
  const count = (level: Finding['level']) =>
    parts.flatMap(({ findings }) => findings).filter((one) => one.level === level).length
  const counted = (n: number, what: string) => `${n === 0 ? 'no' : n} ${what}${n === 1 ? '' : 's'}`
  const ok = count('problem') === 0
  return {
    ok,
    text: `${[...lines, `${counted(count('problem'), 'problem')}, ${counted(count('warning'), 'warning')}`].join('\n')}\n`,
  }
}

/** Names and messages of a database or a server come from others: what would act on the terminal is shown instead. */
function printable(foreign: string): string {
  return foreign.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (found) => `<U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`,
  )
}
