import { createClient } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Connection } from '../context.ts'
import type { Io } from '../io.ts'
import { readConfigFiles } from './config-files.ts'
import { readNetwork } from './network.ts'
import { resolveConnection } from './resolve-connection.ts'

/** Nothing is sent to a server that there is no token for: the SQL itself may be worth stealing. */
export async function connect(
  io: Io,
  flag: string | undefined,
  options: { readonly anonymous?: true } = {},
): Promise<Connection> {
  const { user, project } = await readConfigFiles(io)
  const resolved = resolveConnection({ flag, env: io.env, user, project })
  if (!resolved.ok)
    throw new CliError(
      resolved.code,
      resolved.why,
      resolved.code === 'server_missing'
        ? 'Sign in with: twinlock login --server https://twinlock.example.com'
        : undefined,
    )
  const { server, token } = resolved
  if (token === undefined && !options.anonymous) throw notLoggedIn(server, resolved.heldBack)
  return {
    client: createClient({
      baseUrl: server,
      userAgent: `twinlock-cli/${io.version}`,
      network: readNetwork(io, { entry: resolved.caFile }),
      ...(token ? { token } : {}),
    }),
    server,
    database: io.env.TWINLOCK_DATABASE || project.database || user.database,
    environment: io.env.TWINLOCK_ENVIRONMENT || project.environment || user.environment,
  }
}

function notLoggedIn(server: string, heldBack: boolean): CliError {
  if (!heldBack)
    return new CliError(
      'not_logged_in',
      `There is no token for ${server}.`,
      `Sign in with: twinlock login --server ${server}`,
    )
  return new CliError(
    'not_logged_in',
    `TWINLOCK_TOKEN was not sent: only this project's twinlock.toml names ${server}.`,
    `If you trust that server, name it yourself: --server ${server}, or TWINLOCK_SERVER.`,
  )
}
