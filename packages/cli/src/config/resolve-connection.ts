import { type TransportVerdict, transportVerdict } from '@twinlock/contract'
import type { ProjectConfig, UserConfig } from './config-schema.ts'

export interface ConnectionSources {
  readonly flag?: string | undefined
  readonly env: { readonly TWINLOCK_SERVER?: string | undefined; readonly TWINLOCK_TOKEN?: string | undefined }
  readonly user: UserConfig
  readonly project: ProjectConfig
}

type ResolvedConnection =
  | {
      readonly ok: true
      /** The server's origin. */
      readonly server: string
      readonly token: string | undefined
      /** As the user's own configuration names it for this server. */
      readonly caFile: string | undefined
      /** TWINLOCK_TOKEN is set and was held back: only the project's file names this server. */
      readonly heldBack: boolean
    }
  | { readonly ok: false; readonly code: 'server_missing' | 'server_refused'; readonly why: string }

/**
 * Which server, and which token may travel to it. A stored token goes to the server it was stored for and to no other.
 * TWINLOCK_TOKEN goes to a server that its user names, by flag, variable or own configuration: were a project's file
 * enough, a cloned repository could send it anywhere.
 */
export function resolveConnection({ flag, env, user, project }: ConnectionSources): ResolvedConnection {
  const named = flag ?? (env.TWINLOCK_SERVER || undefined)
  const address = named ?? project.server ?? user.server
  if (address === undefined) return { ok: false, code: 'server_missing', why: 'No server is configured.' }
  const server = serverOrigin(address)
  if (server === undefined)
    return {
      ok: false,
      code: 'server_refused',
      why: `${JSON.stringify(address)} is not the address of a server; it should look like https://twinlock.example.com, without a path.`,
    }
  const entry = Object.entries(user.servers).find(([key]) => serverOrigin(key) === server)?.[1]
  const verdict: TransportVerdict = transportVerdict(address, { allowInsecure: entry?.allow_insecure === true })
  if (!verdict.ok) return { ok: false, code: 'server_refused', why: verdict.why }
  const fromEnv = env.TWINLOCK_TOKEN || undefined
  const caFile = entry?.ca_file
  if (named !== undefined || project.server === undefined)
    return { ok: true, server, token: fromEnv ?? entry?.token, caFile, heldBack: false }
  const known = entry !== undefined || (user.server !== undefined && serverOrigin(user.server) === server)
  // The variable may be meant for another server than the one this project chose: the stored token cannot be.
  const token = entry?.token ?? (known ? fromEnv : undefined)
  return { ok: true, server, token, caFile, heldBack: token === undefined && fromEnv !== undefined }
}

/** `https://host[:port]` in its one spelling; undefined when the address is more, or something else. */
export function serverOrigin(address: string): string | undefined {
  const url = URL.parse(address)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined
  return url.pathname === '/' && url.search === '' && url.hash === '' ? url.origin : undefined
}
