import type { AuditRecord, ChainHead } from '@twinlock/evidence'
import type { Kysely } from 'kysely'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'

export async function findChainHead(tx: Tx): Promise<ChainHead | undefined> {
  return tx.selectFrom('audit_records').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst()
}

export async function insertAuditRecord(tx: Tx, record: AuditRecord): Promise<void> {
  const { v: _, ...row } = record
  await tx.insertInto('audit_records').values(row).execute()
}

/** The next records after `seq`, oldest first. */
export async function listAuditRecords(db: Kysely<Tables>, seq: number, limit: number): Promise<AuditRecord[]> {
  const rows = await db
    .selectFrom('audit_records')
    .select(['seq', 'prev_hash', 'body_hash', 'hash', 'salt', 'body'])
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ v: 1, ...row }))
}
