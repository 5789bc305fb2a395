import { sha256 } from '@twinlock/evidence'

const TOKEN = /^twl_(user|agent)_([0-9a-f]{64})(?:_([0-9a-f]{64}))?$/

/** A person's token: 256 random bits behind a prefix that secret scanners can find. */
export function userToken(random: (size: number) => Uint8Array): string {
  return `twl_user_${Buffer.from(random(32)).toString('hex')}`
}

/** An agent's token also carries the fingerprint of the key that its orders are signed with. */
export function agentToken(random: (size: number) => Uint8Array, keyFingerprint: string): string {
  return `twl_agent_${Buffer.from(random(32)).toString('hex')}_${keyFingerprint}`
}

/** What is stored of a token; undefined for a text that is no token. The secret has full entropy, so a plain hash serves. */
export function tokenHash(token: string): string | undefined {
  const [, kind, secret] = TOKEN.exec(token) ?? []
  if (kind === undefined || secret === undefined) return undefined
  return sha256(Buffer.from(`${kind}:${secret}`)).toString('hex')
}
