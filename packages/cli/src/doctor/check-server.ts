import { api, formatDuration, transportVerdict } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { problemOf } from '../report-error.ts'
import { type Finding, fine, problem } from './finding.ts'

type Me = Awaited<ReturnType<typeof readMe>>

const TOKEN_ENDS_SOON_MS = 7 * 86_400_000
/** Agents refuse orders at 60 s; long before that somebody should look. */
const SKEW_MS = 10_000

/** `reached`: somebody answers there, so that the rest can be looked at. */
export async function checkServer(
  ctx: Context,
  client: Client,
  server: string,
): Promise<{ readonly findings: Finding[]; readonly reached: boolean }> {
  const findings: Finding[] = []
  const began = performance.now()
  try {
    await client.call(api.system.health, {}, { signal: ctx.io.interrupt })
  } catch (error) {
    return { findings: [fromError('server', error)], reached: false }
  }
  const first = performance.now() - began
  const again = performance.now()
  const notReady = await client.call(api.system.ready, {}, { signal: ctx.io.interrupt }).then(
    () => undefined,
    (error: unknown) => problemOf(error),
  )
  const times = `${formatDuration(performance.now() - again)} (${formatDuration(first)} to connect)`
  if (notReady)
    findings.push(
      problem(
        'server',
        `${server}   alive but not ready, ${times}: ${notReady.detail}`,
        'It starts, drains or cannot reach its store: see its log.',
      ),
    )
  else findings.push(fine('server', `${server}   ready, ${times}`))
  if (!transportVerdict(server).ok)
    findings.push(
      problem(
        'tls',
        'plain http: tokens, SQL and results are shown to the network',
        'Put TLS in front of the server and use its https:// address.',
      ),
    )
  return { findings, reached: true }
}

export async function checkIdentity(
  ctx: Context,
  client: Client,
): Promise<{ readonly findings: Finding[]; readonly me: Me | undefined }> {
  try {
    const sent = ctx.now()
    const me = await readMe(ctx, client)
    const local = (sent + ctx.now()) / 2
    return {
      me,
      findings: [fine('server', `version ${me.server.version}`), ...identityOf(me, local), clockOf(me, local)],
    }
  } catch (error) {
    return { me: undefined, findings: [fromError('identity', error)] }
  }
}

function readMe(ctx: Context, client: Client) {
  return client.call(api.identity.me, {}, { signal: ctx.io.interrupt })
}

function identityOf(me: Me, now: number): Finding[] {
  const who = `${me.name} (${me.roles.join(', ')})`
  if (me.token_expires_at === null) return [fine('identity', `${who}   token does not expire`)]
  const left = Date.parse(me.token_expires_at) - now
  const words = `${who}   token expires in ${formatDuration(Math.max(left, 0))}`
  if (left > TOKEN_ENDS_SOON_MS) return [fine('identity', words)]
  return [problem('identity', words, `Get another one: twinlock token create ${me.name}, then twinlock login.`)]
}

function clockOf(me: Me, local: number): Finding {
  const skew = local - Date.parse(me.server.time)
  if (Math.abs(skew) < SKEW_MS) return fine('clock', "as the server's")
  const words = `${formatDuration(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} the server's`
  return problem('clock', words, 'Set the clock of this machine, or of the server, by NTP.')
}

export function fromError(area: Finding['area'], error: unknown): Finding {
  if (error instanceof CliError) return problem(area, error.message, error.hint)
  const { detail, hint } = problemOf(error)
  return problem(area, detail, hint)
}
