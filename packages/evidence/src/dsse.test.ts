import { sign } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import pae from '../vectors/dsse.json' with { type: 'json' }
import vectors from '../vectors/envelopes.json' with { type: 'json' }
import { sha256 } from './digest.ts'
import {
  type Envelope,
  type EnvelopeKind,
  envelopeSchema,
  MAX_SIGNATURES,
  openEnvelope,
  payloadType,
  preAuthEncoding,
  signEnvelope,
} from './dsse.ts'
import { executionTokenSchema, probeTokenSchema } from './execution-token.ts'
import { generateSigningKey, readPublicJwk, readSigningKey } from './keys.ts'

const serverKey = readSigningKey(vectors.pinned_key.pkcs8_pem)
const pinned = readPublicJwk({ kty: 'OKP', crv: 'Ed25519', x: vectors.pinned_key.jwk_x })
const [good] = vectors.accepted
if (good === undefined) throw new Error('no vectors')
const [goodSignature] = good.envelope.signatures
if (goodSignature === undefined) throw new Error('no signature')

function open(kind: string, envelope: unknown) {
  return kind === 'probe-token'
    ? openEnvelope('probe-token', envelope, pinned, probeTokenSchema)
    : openEnvelope('execution-token', envelope, pinned, executionTokenSchema)
}

describe('known answers', () => {
  test.each(pae.pre_auth_encoding)('pre-authentication encoding: $name', ({ type, body_hex, pae_hex }) => {
    expect(preAuthEncoding(type, Buffer.from(body_hex, 'hex')).toString('hex')).toBe(pae_hex)
  })

  test('the DSSE protocol gives its example as text', () => {
    expect(preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    )
  })

  test.each(vectors.accepted)('$name', ({ kind, payload, payload_text, pae_sha256, envelope }) => {
    expect(open(kind, envelope)).toEqual({ ok: true, payload })
    const body = Buffer.from(payload_text)
    expect(body.toString('base64')).toBe(envelope.payload)
    expect(sha256(preAuthEncoding(payloadType(kind as EnvelopeKind), body)).toString('hex')).toBe(pae_sha256)
    const signed = signEnvelope(kind as EnvelopeKind, payload, serverKey)
    expect(signed.payload).toBe(envelope.payload)
    expect(envelope.signatures).toContainEqual(signed.signatures[0])
  })

  test.each(vectors.refused)('$name is refused as $why', ({ kind, envelope, why }) => {
    expect(open(kind, envelope)).toMatchObject({ ok: false, why })
  })
})

describe('an envelope that was changed', () => {
  const flipped = (base64: string, bit: number) => {
    const bytes = Buffer.from(base64, 'base64')
    const index = Math.floor(bit / 8) % bytes.length
    bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << (bit % 8)), index)
    return bytes.toString('base64')
  }

  test('every changed bit of the signature is a bad signature', () => {
    for (let bit = 0; bit < 64 * 8; bit++) {
      const signatures = [{ ...goodSignature, sig: flipped(goodSignature.sig, bit) }]
      expect(open(good.kind, { ...good.envelope, signatures }), `bit ${bit}`).toMatchObject({ why: 'bad_signature' })
    }
  })

  test('any changed byte of the payload is a bad signature', () => {
    const bits = Buffer.from(good.envelope.payload, 'base64').length * 8
    fc.assert(
      fc.property(fc.nat(bits - 1), (bit) => {
        const changed = { ...good.envelope, payload: flipped(good.envelope.payload, bit) }
        expect(open(good.kind, changed)).toMatchObject({ ok: false, why: 'bad_signature' })
      }),
    )
  })

  test('any changed character of its JSON is refused', () => {
    const json = JSON.stringify(good.envelope)
    fc.assert(
      fc.property(
        fc.nat(json.length - 1),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        (at, character) => {
          fc.pre(json[at] !== character)
          const changed = json.slice(0, at) + character + json.slice(at + 1)
          let envelope: unknown
          try {
            envelope = JSON.parse(changed)
          } catch {
            return
          }
          expect(open(good.kind, envelope).ok).toBe(false)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('whatever it is, the answer is a verdict', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (a, b, c) => {
        expect(open('execution-token', a).ok).toBe(false)
        expect(open('execution-token', { ...good.envelope, payload: b }).ok).toBe(false)
        expect(
          open('execution-token', { ...good.envelope, signatures: [{ keyid: goodSignature.keyid, sig: c }] }).ok,
        ).toBe(false)
      }),
    )
  })
})

test('one payload and one signature have one base64 text each', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'AQgwYRZ0-_+/= \n'), maxLength: 8 }), (text) => {
      const envelope = { payloadType: 'x', payload: text, signatures: [{ keyid: '', sig: text }] }
      const isCanonical = Buffer.from(text, 'base64').toString('base64') === text
      expect(envelopeSchema.safeParse(envelope).success).toBe(isCanonical)
    }),
    { numRuns: 1000 },
  )
  for (const loose of ['YQ=', 'YQ', 'YR==', 'YQ===', 'YQ==\n', '_-8=', 'YQ==YQ==', 'Y Q==', '\u0159Q=='])
    expect(envelopeSchema.shape.payload.safeParse(loose).success, loose).toBe(false)
})

test('a payload that is signed but not a token is malformed, not an exception', () => {
  const payloads: readonly Uint8Array[] = [
    Buffer.from('[]'),
    Buffer.from([0xff]),
    Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
    Buffer.from(`{"a":`.repeat(100_000)),
  ]
  for (const body of payloads) {
    const type = payloadType('execution-token')
    const envelope: Envelope = {
      payloadType: type,
      payload: Buffer.from(body).toString('base64'),
      signatures: [
        {
          keyid: serverKey.fingerprint,
          sig: sign(null, preAuthEncoding(type, body), serverKey.privateKey).toString('base64'),
        },
      ],
    }
    expect(open('execution-token', envelope)).toMatchObject({ ok: false, why: 'malformed' })
  }
})

test('a refusal before the signature was checked says nothing of the payload', () => {
  const other = generateSigningKey()
  const sealed = signEnvelope('execution-token', { secret: 'hunter2', v: 1 }, other)
  expect(JSON.stringify(open('execution-token', sealed))).not.toMatch(/secret|hunter2/)
  const own = signEnvelope('execution-token', { ...good.payload, hunter2: 1 }, serverKey)
  const read = open('execution-token', own)
  expect(read).toEqual({ ok: false, why: 'malformed', detail: 'the value: has an unknown field' })
})

test('as many signatures as allowed are read, one more is refused', () => {
  const foreign = { keyid: 'f'.repeat(64), sig: 'AAAA' }
  const withForeign = (count: number) => ({
    ...good.envelope,
    signatures: [...new Array(count).fill(foreign), goodSignature],
  })
  expect(open(good.kind, withForeign(MAX_SIGNATURES - 1)).ok).toBe(true)
  expect(open(good.kind, withForeign(MAX_SIGNATURES))).toMatchObject({ ok: false, why: 'malformed' })
})

test('two kinds of envelope never share a type', () => {
  expect(payloadType('execution-token')).toBe('application/vnd.twinlock.execution-token.v1+json')
  expect(payloadType('probe-token')).toBe('application/vnd.twinlock.probe-token.v1+json')
})
