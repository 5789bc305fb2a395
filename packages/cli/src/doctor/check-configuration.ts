import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CliError } from '../cli-error.ts'
import { readConfigFiles } from '../config/config-files.ts'
import { readNetwork } from '../config/network.ts'
import { configPath } from '../config/paths.ts'
import { resolveConnection } from '../config/resolve-connection.ts'
import type { Context } from '../context.ts'
import { type Finding, fine, problem } from './finding.ts'

/** Which file or variable gave which value, and who else may read or change them. */
export async function checkConfiguration(ctx: Context, flag: string | undefined): Promise<Finding[]> {
  try {
    return [...(await sources(ctx, flag)), ...(await permissions(ctx))]
  } catch (error) {
    if (error instanceof CliError) return [problem('configuration', error.message, error.hint)]
    throw error
  }
}

async function sources(ctx: Context, flag: string | undefined): Promise<Finding[]> {
  const { env } = ctx.io
  const { user, project, projectPath } = await readConfigFiles(ctx.io)
  const userPath = configPath(ctx.io)
  const resolved = resolveConnection({ flag, env, user, project })
  if (!resolved.ok)
    return [
      problem('configuration', resolved.why, 'Sign in with: twinlock login --server https://twinlock.example.com'),
    ]
  const from = (variable: string, inProject: unknown, inUser: unknown) => {
    if (env[variable]) return variable
    if (inProject !== undefined) return projectPath
    return inUser === undefined ? undefined : userPath
  }
  const token =
    resolved.token === undefined ? undefined : resolved.token === env.TWINLOCK_TOKEN ? 'TWINLOCK_TOKEN' : userPath
  const given = [
    ['server', flag === undefined ? from('TWINLOCK_SERVER', project.server, user.server) : '--server'],
    ['token', token],
    ['database', from('TWINLOCK_DATABASE', project.database, user.database)],
    ['environment', from('TWINLOCK_ENVIRONMENT', project.environment, user.environment)],
    ['ca_file', from('TWINLOCK_CA_FILE', undefined, resolved.caFile)],
  ] as const
  const { proxy } = readNetwork(ctx.io, { entry: resolved.caFile })
  return [
    ...given.flatMap(([key, source]) => (source === undefined ? [] : [fine('configuration', `${key} from ${source}`)])),
    ...(proxy ? [fine('configuration', `https through the proxy ${URL.parse(proxy.url)?.host ?? ''}`)] : []),
  ]
}

/** The file itself is looked at by whoever reads it; in a folder that others may write into it can be replaced. */
async function permissions(ctx: Context): Promise<Finding[]> {
  const folder = dirname(configPath(ctx.io))
  const mode = ctx.io.posix
    ? await stat(folder).then(
        (found) => found.mode,
        () => 0,
      )
    : 0
  if ((mode & 0o022) === 0) return []
  return [
    problem(
      'configuration',
      `other users can write into ${folder}, and replace your configuration`,
      `chmod 700 ${folder}`,
    ),
  ]
}
