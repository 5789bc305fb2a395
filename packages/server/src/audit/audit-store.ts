import { type AuditRecord, type ChainHead, EMPTY_CHAIN } from '@twinlock/evidence'
import type { Kysely } from 'kysely'
import { compileOnce, VALUE } from '../db/compile-once.ts'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'

/** What the log is searched by. */
export interface AuditKeys {
  readonly time: number
  readonly type: string
  readonly actorId: string
  readonly subjectId: string | null
  readonly requestId: string | null
}

/** A record without its body: what tells whether it is looked for. */
export interface AuditOutline extends AuditKeys {
  readonly seq: number
}

/** The key that a search goes by, from the index of which it reads in order; undefined: the log itself. */
export type SearchKey =
  | { readonly by: 'type' | 'actor_id' | 'subject_id' | 'request_id'; readonly value: string }
  | undefined

/** Sequence numbers, both excluded. */
export interface SeqRange {
  readonly above: number
  readonly below: number
}

const selectHead = compileOnce((db) =>
  db.selectFrom('audit_records').select(['seq', 'hash', 'time']).orderBy('seq', 'desc').limit(1),
)

export async function findHead(tx: Tx): Promise<ChainHead & { readonly time: number }> {
  const head = await selectHead(tx)
  return head ? { ...head, time: head.time ?? 0 } : { ...EMPTY_CHAIN, time: 0 }
}

const NUMBER = VALUE as unknown as number
const insertRecord = compileOnce((db) =>
  db.insertInto('audit_records').values({
    seq: NUMBER,
    prev_hash: VALUE,
    body_hash: VALUE,
    hash: VALUE,
    salt: VALUE,
    body: VALUE,
    time: NUMBER,
    type: VALUE,
    actor_id: VALUE,
    subject_id: VALUE,
    request_id: VALUE,
  }),
)

export async function insertAuditRecord(tx: Tx, record: AuditRecord, keys: AuditKeys): Promise<void> {
  const { seq, prev_hash, body_hash, hash, salt, body } = record
  const { time, type, actorId, subjectId, requestId } = keys
  await insertRecord(tx, seq, prev_hash, body_hash, hash, salt, body, time, type, actorId, subjectId, requestId)
}

/** The next records after `seq`, oldest first. */
export async function listAuditRecords(db: Kysely<Tables>, seq: number, limit: number): Promise<AuditRecord[]> {
  const rows = await selectRecords(db).where('seq', '>', seq).orderBy('seq').limit(limit).execute()
  return rows.map((row) => ({ v: 1, ...row }))
}

export async function listAuditRecordsBySeq(db: Kysely<Tables>, seqs: readonly number[]): Promise<AuditRecord[]> {
  if (seqs.length === 0) return []
  const rows = await selectRecords(db).where('seq', 'in', seqs).execute()
  return rows.map((row) => ({ v: 1, ...row }))
}

/** In the order of the log, or from its end. */
export async function listAuditOutlines(
  db: Kysely<Tables>,
  key: SearchKey,
  range: SeqRange,
  order: 'asc' | 'desc',
  limit: number,
): Promise<AuditOutline[]> {
  let query = db
    .selectFrom('audit_records')
    .select(['seq', 'time', 'type', 'actor_id', 'subject_id', 'request_id'])
    .where('seq', '>', range.above)
    .where('seq', '<', range.below)
  if (key) query = query.where(key.by, '=', key.value)
  const rows = await query.orderBy('seq', order).limit(limit).execute()
  return rows.map((row) => ({
    seq: row.seq,
    time: row.time ?? 0,
    type: row.type ?? '',
    actorId: row.actor_id ?? '',
    subjectId: row.subject_id,
    requestId: row.request_id,
  }))
}

export async function findLastSeq(db: Kysely<Tables>): Promise<number> {
  const row = await db.selectFrom('audit_records').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  return row?.seq ?? 0
}

/** The first record at this time or later. */
export async function findFirstSince(db: Kysely<Tables>, time: number): Promise<number | undefined> {
  const row = await db
    .selectFrom('audit_records')
    .select('seq')
    .where('time', '>=', time)
    .orderBy('time')
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst()
  return row?.seq
}

/** The last record at this time or earlier. */
export async function findLastUntil(db: Kysely<Tables>, time: number): Promise<number | undefined> {
  const row = await db
    .selectFrom('audit_records')
    .select('seq')
    .where('time', '<=', time)
    .orderBy('time', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.seq
}

function selectRecords(db: Kysely<Tables>) {
  return db.selectFrom('audit_records').select(['seq', 'prev_hash', 'body_hash', 'hash', 'salt', 'body'])
}
