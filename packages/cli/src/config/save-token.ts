import { isDeepStrictEqual } from 'node:util'
import { parse, stringify } from 'smol-toml'
import { serverOrigin } from './resolve-connection.ts'

interface SavedServer {
  readonly server: string
  readonly token: string
  readonly allowInsecure: boolean
  /** Absolute. */
  readonly caFile?: string | undefined
}

interface Document {
  server?: string
  servers?: Record<string, { token?: string; allow_insecure?: boolean; ca_file?: string }>
  [key: string]: unknown
}

/**
 * The configuration with a server's token in it; the first server becomes the default. What people wrote stays as they
 * wrote it, comments too, where that can be done by adding lines or changing one.
 */
export function withToken(config: string, saved: SavedServer): string {
  const wanted = parse(config) as Document
  const servers = wanted.servers ?? {}
  wanted.servers = servers
  const key = Object.keys(servers).find((name) => serverOrigin(name) === saved.server) ?? saved.server
  const entry = servers[key]
  servers[key] = {
    ...entry,
    token: saved.token,
    ...(saved.allowInsecure ? { allow_insecure: true } : {}),
    ...(saved.caFile === undefined ? {} : { ca_file: saved.caFile }),
  }
  const setDefault = wanted.server === undefined
  if (setDefault) wanted.server = saved.server

  const edited = entry ? replaceToken(config, entry.token, saved.token) : appendServer(config, key, saved)
  const text = setDefault ? `server = ${JSON.stringify(saved.server)}\n${edited}` : edited
  return isSame(text, wanted) ? text : stringify(wanted)
}

function appendServer(config: string, key: string, { token, allowInsecure, caFile }: SavedServer): string {
  const lines = [`[servers.${JSON.stringify(key)}]`, `token = ${JSON.stringify(token)}`]
  if (allowInsecure) lines.push('allow_insecure = true')
  if (caFile !== undefined) lines.push(`ca_file = ${JSON.stringify(caFile)}`)
  const gap = config === '' || config.endsWith('\n') ? '' : '\n'
  return `${config}${gap}\n${lines.join('\n')}\n`
}

function replaceToken(config: string, before: string | undefined, after: string): string {
  return before === undefined ? config : config.replace(JSON.stringify(before), () => JSON.stringify(after))
}

function isSame(text: string, wanted: Document): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(parse(text))), JSON.parse(JSON.stringify(wanted)))
  } catch {
    return false
  }
}
