import { type AuditBody, type AuditRecord, auditBodySchema, auditRecordSchema } from './audit-record.ts'
import { canonicalBytes, utf8 } from './canonical-json.ts'
import { sha256 } from './digest.ts'
import { parseCanonical } from './dsse.ts'

/** `prev_hash` of the first record. */
export const GENESIS_HASH = '0'.repeat(64)

/** Sets a record's hash apart from the leaf (0x00) and node (0x01) hashes of an RFC 6962 tree. */
const RECORD_PREFIX = Buffer.of(0x02)

/** The end of a chain: the last sequence number (0 for an empty log) and its hash. */
export interface ChainHead {
  readonly seq: number
  readonly hash: string
}

export const EMPTY_CHAIN: ChainHead = { seq: 0, hash: GENESIS_HASH }

/** What a verification found: the new head, or the first bad record (its place in the chain) and why. */
export type ChainVerdict =
  | { readonly ok: true; readonly head: ChainHead }
  | { readonly ok: false; readonly at: number; readonly why: string }

/** `body_hash = SHA-256(salt ‖ body)` over the 32 salt bytes and the canonical bytes of the body; hexadecimal. Throws `TypeError` on another salt. */
export function bodyHash(salt: string, body: string): string {
  return sha256(bytes32(salt), utf8(body)).toString('hex')
}

/** `hash = SHA-256(0x02 ‖ seq ‖ prev_hash ‖ body_hash)`; `seq` is 8 bytes, big-endian; hexadecimal. */
export function recordHash(seq: number, prevHash: string, ofBody: string): string {
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(BigInt(seq))
  return sha256(RECORD_PREFIX, number, bytes32(prevHash), bytes32(ofBody)).toString('hex')
}

/**
 * The record that follows `head`. `salt` is 32 random bytes, hexadecimal. Throws `ZodError` on a body that is not v1,
 * `TypeError` on a salt that is not 32 bytes.
 */
export function appendRecord(head: ChainHead, body: AuditBody, salt: string): AuditRecord {
  const text = new TextDecoder().decode(canonicalBytes(auditBodySchema.parse(body)))
  const seq = head.seq + 1
  const ofBody = bodyHash(salt, text)
  return {
    v: 1,
    seq,
    prev_hash: head.hash,
    body_hash: ofBody,
    hash: recordHash(seq, head.hash, ofBody),
    salt,
    body: text,
  }
}

/** Checks one record as the one after `head`; bodies that retention dropped are passed, their hashes are not. */
export function verifyRecord(head: ChainHead, candidate: unknown): ChainVerdict {
  const at = head.seq + 1
  const parsed = auditRecordSchema.safeParse(candidate)
  if (!parsed.success) return { ok: false, at, why: 'the record does not have the form of a v1 audit record' }
  const record = parsed.data
  if (record.seq !== at)
    return { ok: false, at, why: `record ${at} is missing; record ${record.seq} stands in its place` }
  if (record.prev_hash !== head.hash) return { ok: false, at, why: 'it does not continue the record before it' }
  if ((record.salt === null) !== (record.body === null))
    return { ok: false, at, why: 'only one of salt and body is there' }
  if (record.salt !== null && record.body !== null) {
    if (bodyHash(record.salt, record.body) !== record.body_hash)
      return { ok: false, at, why: 'its body was changed after it was written' }
    const body = parseCanonical(Buffer.from(record.body, 'utf8'), auditBodySchema)
    if (!body.ok) return { ok: false, at, why: `its body is not a v1 audit body (${body.detail})` }
  }
  if (recordHash(record.seq, record.prev_hash, record.body_hash) !== record.hash)
    return { ok: false, at, why: 'its hash does not fit its contents' }
  return { ok: true, head: { seq: record.seq, hash: record.hash } }
}

/** Checks records in order, starting after `head` (the empty log by default). */
export async function verifyChain(
  records: AsyncIterable<unknown> | Iterable<unknown>,
  head: ChainHead = EMPTY_CHAIN,
): Promise<ChainVerdict> {
  let current = head
  for await (const record of records) {
    const verdict = verifyRecord(current, record)
    if (!verdict.ok) return verdict
    current = verdict.head
  }
  return { ok: true, head: current }
}

/** 32 bytes from hexadecimal. Node's decoder stops at the first bad digit: a mistyped salt would silently be no salt. */
function bytes32(hex: string): Buffer {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new TypeError('not 32 bytes in lower-case hexadecimal')
  return Buffer.from(hex, 'hex')
}
