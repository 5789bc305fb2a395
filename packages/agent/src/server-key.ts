import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keyFingerprint, type PublicJwk, publicJwk, publicJwkSchema, readPublicJwk } from '@twinlock/evidence'
import { z } from 'zod'
import { writeDurably } from './durable-file.ts'
import { StartError } from './start-error.ts'

const rememberedSchema = z.strictObject({
  jwk: publicJwkSchema,
  /** The id in the first token that was valid under this key; null until there was one. */
  server_id: z.string().nullable(),
})

/** The one server this agent obeys. */
export interface PinnedServer {
  readonly key: KeyObject
  readonly serverId: string | null
}

export type KeyChoice =
  | { readonly ok: true; readonly key: KeyObject; readonly firstUse: boolean }
  | { readonly ok: false; readonly why: string; readonly remedy: string }

/** The key among those a server shows that may be pinned; an id the server gives it (`kid`) counts for nothing. */
export function chooseKey(shown: readonly PublicJwk[], pinnedFingerprint: string | null): KeyChoice {
  const keys = shown.flatMap((jwk) => {
    const parsed = publicJwkSchema.safeParse(jwk)
    return parsed.success ? [readPublicJwk(parsed.data)] : []
  })
  if (pinnedFingerprint !== null) {
    const key = keys.find((candidate) => keyFingerprint(candidate) === pinnedFingerprint)
    if (key) return { ok: true, key, firstUse: false }
    return {
      ok: false,
      why: "none of the keys the server shows has the fingerprint in the agent's token",
      remedy:
        'Check server.url. If the server key was rotated on purpose, give the agent a token with the new fingerprint.',
    }
  }
  const [key, ...others] = keys
  if (key && others.length === 0) return { ok: true, key, firstUse: true }
  return {
    ok: false,
    why: key ? 'the server shows several keys, and nothing says which to trust' : 'the server shows no usable key',
    remedy: "Give the agent a token that carries the server key's fingerprint.",
  }
}

/** The pinned server, kept in the state directory so that later starts need to fetch nothing. */
export class ServerPin {
  readonly #path: string
  #pinned: PinnedServer | undefined

  private constructor(path: string, pinned: PinnedServer | undefined) {
    this.#path = path
    this.#pinned = pinned
  }

  /** A fingerprint in the token outranks what was remembered: an administrator put it there. */
  static async load(stateDir: string, pinnedFingerprint: string | null): Promise<ServerPin> {
    const path = join(stateDir, 'server-key.json')
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) return new ServerPin(path, undefined)
    const remembered = parseRemembered(text)
    if (remembered === undefined && pinnedFingerprint === null)
      throw new StartError(
        `${path} is damaged`,
        'It held the only key this agent trusts, and the token carries no fingerprint to check another against.',
        "Give the agent a token that carries the fingerprint, or delete the file to trust the server's key anew.",
      )
    const fits = remembered && (pinnedFingerprint === null || keyFingerprint(remembered.key) === pinnedFingerprint)
    return new ServerPin(path, fits ? remembered : undefined)
  }

  get pinned(): PinnedServer | undefined {
    return this.#pinned
  }

  async rememberKey(key: KeyObject): Promise<void> {
    await this.#write({ key, serverId: null })
  }

  /** To be called with the id out of a token that was valid: what a poll answer says is not signed. */
  async rememberServerId(serverId: string): Promise<void> {
    if (this.#pinned?.serverId === null) await this.#write({ key: this.#pinned.key, serverId })
  }

  async #write(pinned: PinnedServer): Promise<void> {
    this.#pinned = pinned
    await writeDurably(this.#path, `${JSON.stringify({ jwk: publicJwk(pinned.key), server_id: pinned.serverId })}\n`)
  }
}

function parseRemembered(text: string): PinnedServer | undefined {
  try {
    const { jwk, server_id } = rememberedSchema.parse(JSON.parse(text))
    return { key: readPublicJwk(jwk), serverId: server_id }
  } catch {
    return undefined
  }
}
