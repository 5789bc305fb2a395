import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  /** PEM. */
  readonly certificate: string
  readonly key: string
}

export interface Authority {
  /** Its own certificate, PEM. */
  readonly certificate: string
  /** A certificate for names and IPv4 addresses; valid from yesterday, for 30 days. */
  issue(names: readonly string[], validForDays?: number): Certificate
}

const DAY = 86_400_000

/** A certificate authority of a test's own. */
export function createAuthority(commonName = 'twinlock test authority'): Authority {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = nameOf(commonName)
  return {
    certificate: certificatePem(own.publicKey, issuer, issuer, own.privateKey, [AUTHORITY], 30),
    issue(names, validForDays = 30) {
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const subject = nameOf(names[0] ?? 'nobody')
      const extensions = [sequence(oid('551d11'), der(0x04, sequence(...names.map(alternativeName))))]
      return {
        certificate: certificatePem(keys.publicKey, subject, issuer, own.privateKey, extensions, validForDays),
        key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      }
    },
  }
}

function certificatePem(
  publicKey: KeyObject,
  subject: Buffer,
  issuer: Buffer,
  issuerKey: KeyObject,
  extensions: readonly Buffer[],
  validForDays: number,
): string {
  const until = Date.now() + validForDays * DAY
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    issuer,
    sequence(time(Math.min(Date.now(), until) - DAY), time(until)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, issuerKey)]))
  const base64 = sequence(body, ECDSA_SHA256, signature)
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
}

function alternativeName(name: string): Buffer {
  return /^[\d.]+$/.test(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name))
}

function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))))
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function set(...parts: readonly Buffer[]): Buffer {
  return der(0x31, Buffer.concat(parts))
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function time(at: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`))
}

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'))
const TRUE = der(0x01, Buffer.from([0xff]))
/** May sign certificates: basic constraints, critical. */
const AUTHORITY = sequence(oid('551d13'), TRUE, der(0x04, sequence(TRUE)))
