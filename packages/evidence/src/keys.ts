import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { sha256 } from './digest.ts'

/** An Ed25519 key that signs, with the fingerprint of its public half. */
export interface SigningKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** Lower-case hexadecimal SHA-256 of the 32 raw public key bytes; the `keyid` of DSSE signatures and the JWK's `kid`. */
  readonly fingerprint: string
}

/** A public Ed25519 key as a JWK (RFC 8037) whose `kid` is its fingerprint. `x` is 32 bytes: its last digit has two zero bits. */
export const publicJwkSchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/),
  kid: z.string().optional(),
  use: z.string().optional(),
  alg: z.string().optional(),
})
export type PublicJwk = z.infer<typeof publicJwkSchema>

/** A key fingerprint: 64 lower-case hexadecimal digits. */
export const fingerprintSchema = z.string().regex(/^[0-9a-f]{64}$/)

/** A new random signing key. */
export function generateSigningKey(): SigningKey {
  return signingKey(generateKeyPairSync('ed25519').privateKey)
}

/** Reads a PKCS #8 PEM private key. Throws when it is not Ed25519. */
export function readSigningKey(pem: string): SigningKey {
  return signingKey(createPrivateKey(pem))
}

/** The key as PKCS #8 PEM, the form `readSigningKey` reads. */
export function signingKeyToPem(key: SigningKey): string {
  return key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The public half as a JWK with `kid`, `use` and `alg`, as `/.well-known/jwks.json` serves it. */
export function publicJwk(key: KeyObject): PublicJwk & { kid: string } {
  const { x } = publicJwkSchema.parse(key.export({ format: 'jwk' }))
  return { kty: 'OKP', crv: 'Ed25519', x, kid: keyFingerprint(key), use: 'sig', alg: 'EdDSA' }
}

/** Reads a public Ed25519 JWK; its `kid` is not trusted: compare `keyFingerprint` of the result. */
export function readPublicJwk(jwk: PublicJwk): KeyObject {
  const { kty, crv, x } = publicJwkSchema.parse(jwk)
  return createPublicKey({ key: { kty, crv, x }, format: 'jwk' })
}

/** Lower-case hexadecimal SHA-256 of the raw public key. */
export function keyFingerprint(key: KeyObject): string {
  const { x } = publicJwkSchema.parse(key.export({ format: 'jwk' }))
  return sha256(Buffer.from(x, 'base64url')).toString('hex')
}

function signingKey(privateKey: KeyObject): SigningKey {
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('the signing key is not an Ed25519 key')
  const publicKey = createPublicKey(privateKey)
  return { privateKey, publicKey, fingerprint: keyFingerprint(publicKey) }
}
