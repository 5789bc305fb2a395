import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import vectors from '../vectors/dsse.json' with { type: 'json' }
import {
  fingerprintSchema,
  generateSigningKey,
  keyFingerprint,
  publicJwk,
  publicJwkSchema,
  readPublicJwk,
  readSigningKey,
  signingKeyToPem,
} from './keys.ts'

describe('known answers', () => {
  test.each(vectors.ed25519)(
    '$name',
    ({ seed_hex, pkcs8_pem, public_key_hex, jwk_x, fingerprint, message_hex, signature_hex }) => {
      const key = readSigningKey(pkcs8_pem)
      expect(signingKeyToPem(key)).toBe(pkcs8_pem)
      expect(Buffer.from(key.privateKey.export({ format: 'jwk' }).d ?? '', 'base64url').toString('hex')).toBe(seed_hex)
      expect(key.fingerprint).toBe(fingerprint)
      expect(publicJwk(key.publicKey)).toEqual({
        kty: 'OKP',
        crv: 'Ed25519',
        x: jwk_x,
        kid: fingerprint,
        use: 'sig',
        alg: 'EdDSA',
      })
      expect(Buffer.from(jwk_x, 'base64url').toString('hex')).toBe(public_key_hex)
      const message = Buffer.from(message_hex, 'hex')
      expect(sign(null, message, key.privateKey).toString('hex')).toBe(signature_hex)
      const pinned = readPublicJwk({ kty: 'OKP', crv: 'Ed25519', x: jwk_x })
      expect(verify(null, message, pinned, Buffer.from(signature_hex, 'hex'))).toBe(true)
    },
  )
})

test('a key survives its PEM and its JWK', () => {
  const key = generateSigningKey()
  expect(readSigningKey(signingKeyToPem(key)).fingerprint).toBe(key.fingerprint)
  expect(keyFingerprint(readPublicJwk(publicJwk(key.publicKey)))).toBe(key.fingerprint)
  expect(fingerprintSchema.safeParse(key.fingerprint).success).toBe(true)
  expect(generateSigningKey().fingerprint).not.toBe(key.fingerprint)
})

test('a public JWK has nothing of the private key', () => {
  const { privateKey, publicKey } = generateSigningKey()
  expect(publicJwk(privateKey)).toEqual(publicJwk(publicKey))
  expect(publicJwk(privateKey)).not.toHaveProperty('d')
})

test('the kid of a JWK changes nothing', () => {
  const key = generateSigningKey()
  const jwk = { ...publicJwk(key.publicKey), kid: 'f'.repeat(64) }
  expect(keyFingerprint(readPublicJwk(jwk))).toBe(key.fingerprint)
})

test('keys of other kinds are refused', () => {
  const pem = { type: 'pkcs8', format: 'pem' } as const
  const others = [
    generateKeyPairSync('x25519').privateKey,
    generateKeyPairSync('ed448').privateKey,
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ]
  for (const key of others) {
    expect(() => readSigningKey(key.export(pem).toString())).toThrow('not an Ed25519 key')
    expect(() => keyFingerprint(key)).toThrow()
  }
})

test('a public key has one JWK text: bits after its end and other alphabets are refused', () => {
  const [first] = vectors.ed25519
  const x = first?.jwk_x ?? ''
  const jwk = { kty: 'OKP', crv: 'Ed25519', x }
  expect(publicJwkSchema.safeParse(jwk).success).toBe(true)
  const last = x.slice(0, -1)
  const others = [`${x}=`, `${x}A`, last, `${last}p`, `${x}\n`, x.replace('_', '/'), '']
  for (const other of others) expect(publicJwkSchema.safeParse({ ...jwk, x: other }).success, other).toBe(false)
  expect(x.endsWith('o')).toBe(true)
})
