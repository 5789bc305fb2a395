import { readConfigFiles } from '../config/config-files.ts'
import { readNetwork } from '../config/network.ts'
import { resolveConnection } from '../config/resolve-connection.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { joined, type SafeText, text } from '../terminal/safe-text.ts'
import { plural } from '../terminal/time-text.ts'
import { checkCertificate } from './check-certificate.ts'
import { checkConfiguration } from './check-configuration.ts'
import { checkIdentity, checkServer, fromError } from './check-server.ts'
import { checkTargets } from './check-targets.ts'
import { type Finding, fine } from './finding.ts'

/** Looks at everything that can be looked at; one problem does not hide the next. */
export async function runDoctor(ctx: Context, input: { readonly server: string | undefined }): Promise<ExitCode> {
  const configuration = await checkConfiguration(ctx, input.server)
  const findings = [
    ...(await checkConnection(ctx, input.server)),
    ...configuration,
    fine('node', `${ctx.io.nodeVersion}, twinlock ${ctx.io.version}`),
  ]
  const problems = findings.filter(({ ok }) => !ok)
  if (ctx.json) await ctx.printJson({ problems: problems.length, findings })
  else {
    await ctx.print(joined(reportLines(ctx, findings), '\n'))
    await ctx.print(problems.length === 0 ? text`no problems` : ctx.out.bad(plural(problems.length, 'problem')))
  }
  return problems.length === 0 ? EXIT.done : EXIT.error
}

async function checkConnection(ctx: Context, flag: string | undefined): Promise<Finding[]> {
  let connection: Awaited<ReturnType<Context['connect']>>
  try {
    connection = await ctx.connect({ anonymous: true })
  } catch {
    // What is wrong with it is for the configuration to say.
    return []
  }
  const { client, server } = connection
  const { findings: atServer, reached } = await checkServer(ctx, client, server)
  if (!reached) return atServer
  const certificate = await checkCertificate(server, await networkOf(ctx, flag), ctx.now())
  const signedIn = await ctx.connect().then(
    () => undefined,
    (error: unknown) => fromError('identity', error),
  )
  if (signedIn) return [...atServer, ...certificate, signedIn]
  const { findings, me } = await checkIdentity(ctx, client)
  return [...atServer, ...findings, ...certificate, ...(me ? await checkTargets(ctx, client) : [])]
}

async function networkOf(ctx: Context, flag: string | undefined) {
  const { user, project } = await readConfigFiles(ctx.io)
  const resolved = resolveConnection({ flag, env: ctx.io.env, user, project })
  return readNetwork(ctx.io, { entry: resolved.ok ? resolved.caFile : undefined })
}

/** The area once, then what belongs to it; below a problem what to do. */
function reportLines(ctx: Context, findings: readonly Finding[]): SafeText[] {
  const areas = Map.groupBy(findings, ({ area }) => area)
  return [...areas].flatMap(([area, members]) =>
    members.flatMap(({ ok, text: words, hint }, i) => {
      const lines = words.split('\n')
      const head = (i === 0 ? area : '').padEnd(15)
      return [
        ...lines.map((line, n) => text`${n === 0 ? head : ' '.repeat(15)}${ok ? text`${line}` : ctx.out.bad(line)}`),
        ...(hint ?? '')
          .split('\n')
          .filter(Boolean)
          .map((line) => text`${' '.repeat(17)}${line}`),
      ]
    }),
  )
}
