import { hash } from 'node:crypto'
import { z } from 'zod'

/** A SHA-256 digest as text: `sha256:` and 64 lower-case hexadecimal digits. */
export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/)

/** SHA-256 (FIPS 180-4) of the given parts, one after another: 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  return hash('sha256', Buffer.concat(parts), 'buffer')
}

/** The digest of some bytes in its text form, `sha256:…`. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256(bytes).toString('hex')}`
}
