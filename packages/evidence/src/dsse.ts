import { type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { canonicalBytes, type Signable } from './canonical-json.ts'
import { keyFingerprint, type SigningKey } from './keys.ts'

/** What an envelope carries; part of the signed bytes, so that one kind can never be taken for another. */
export type EnvelopeKind = 'execution-token' | 'probe-token'

/** The most signatures one envelope may carry: each that names the pinned key costs a verification. */
export const MAX_SIGNATURES = 16

/** RFC 4648 §4 with padding and zero trailing bits: one text for some bytes. Node reads many more. */
const base64Schema = z.string().refine(isCanonicalBase64, 'is not canonical base64')

/** A DSSE envelope: base64 payload, its type, one or more signatures. */
export const envelopeSchema = z.strictObject({
  payloadType: z.string(),
  payload: base64Schema,
  signatures: z
    .array(z.strictObject({ keyid: z.string(), sig: base64Schema }))
    .min(1)
    .max(MAX_SIGNATURES),
})
export type Envelope = z.infer<typeof envelopeSchema>

/** The outcome of opening an envelope. `why` is one of three answers; `detail` names fields of the schema, never anything of the payload. */
export type Opened<T> =
  | { readonly ok: true; readonly payload: T }
  | { readonly ok: false; readonly why: 'malformed' | 'unknown_key' | 'bad_signature'; readonly detail: string }

/** `application/vnd.twinlock.<kind>.v1+json`. */
export function payloadType(kind: EnvelopeKind): string {
  return `application/vnd.twinlock.${kind}.v1+json`
}

/**
 * DSSE v1 pre-authentication encoding: `DSSEv1 SP LEN(type) SP type SP LEN(body) SP body`, lengths in bytes.
 *
 * @see https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
 */
export function preAuthEncoding(type: string, body: Uint8Array): Buffer {
  const typeBytes = Buffer.from(type)
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${typeBytes.length} `),
    typeBytes,
    Buffer.from(` ${body.length} `),
    Buffer.from(body),
  ])
}

/** Signs the canonical bytes of `payload`. */
export function signEnvelope(kind: EnvelopeKind, payload: Signable, key: SigningKey): Envelope {
  const body = canonicalBytes(payload)
  const type = payloadType(kind)
  const sig = sign(null, preAuthEncoding(type, body), key.privateKey)
  return {
    payloadType: type,
    payload: Buffer.from(body).toString('base64'),
    signatures: [{ keyid: key.fingerprint, sig: sig.toString('base64') }],
  }
}

/**
 * Opens an envelope of one kind, signed by one pinned key, whose payload fits `schema` exactly.
 *
 * The signature is checked before the payload is parsed. The payload must be the canonical bytes of what was parsed:
 * a second encoding of the same value, a duplicate key or an unknown field is `malformed`. `keyid` is only a hint and
 * serves to tell a signature by another key (`unknown_key`) from a broken one (`bad_signature`).
 */
export function openEnvelope<S extends z.ZodType<Signable>>(
  kind: EnvelopeKind,
  envelope: unknown,
  pinnedKey: KeyObject,
  schema: S,
): Opened<z.infer<S>> {
  const parsed = envelopeSchema.safeParse(envelope)
  if (!parsed.success) return malformed('the envelope does not have the form of a DSSE envelope')
  if (parsed.data.payloadType !== payloadType(kind)) return malformed(`the payload type is not ${payloadType(kind)}`)
  const body = Buffer.from(parsed.data.payload, 'base64')
  const fingerprint = keyFingerprint(pinnedKey)
  const own = parsed.data.signatures.filter((signature) => signature.keyid === fingerprint)
  if (own.length === 0) return { ok: false, why: 'unknown_key', detail: 'no signature names the pinned key' }
  const message = preAuthEncoding(parsed.data.payloadType, body)
  if (!own.some((signature) => verify(null, message, pinnedKey, Buffer.from(signature.sig, 'base64'))))
    return { ok: false, why: 'bad_signature', detail: 'the signature does not fit the payload and the pinned key' }
  return parseCanonical(body, schema)
}

/** Parses canonical bytes strictly: the value must fit `schema`, and its canonical bytes must be exactly `bytes`. */
export function parseCanonical<S extends z.ZodType<Signable>>(bytes: Uint8Array, schema: S): Opened<z.infer<S>> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return malformed('not JSON in UTF-8')
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) return malformed(describe(parsed.error.issues[0]))
  return isCanonical(parsed.data, bytes) ? { ok: true, payload: parsed.data } : malformed('the bytes are not canonical')
}

/** Where and what: the path holds schema fields and indexes only; the name of an unknown field is the sender's text. */
function describe(issue: z.core.$ZodIssue | undefined): string {
  const path = issue?.path.join('.') || 'the value'
  if (issue?.code === 'unrecognized_keys') return `${path}: has an unknown field`
  return `${path}: ${issue?.message ?? 'does not fit'}`
}

function isCanonicalBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text
}

function isCanonical(value: Signable, bytes: Uint8Array): boolean {
  try {
    return Buffer.compare(canonicalBytes(value), bytes) === 0
  } catch {
    return false
  }
}

function malformed(detail: string): { ok: false; why: 'malformed'; detail: string } {
  return { ok: false, why: 'malformed', detail }
}
