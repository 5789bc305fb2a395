import { appendAudit, SYSTEM } from './audit/append-audit.ts'
import type { Context } from './context.ts'
import type { Database } from './db/connect.ts'

/** The server's id: made once, kept with the state. */
export async function readServerId(db: Database, newServerId: () => string): Promise<string> {
  return db.transact(async (tx) => {
    const row = await tx.selectFrom('meta').select('value').where('key', '=', 'server_id').executeTakeFirst()
    if (row) return row.value
    const id = newServerId()
    await tx.insertInto('meta').values({ key: 'server_id', value: id }).execute()
    return id
  })
}

/** The fingerprint of the key that this installation last signed with. */
export async function readRecordedKey(db: Database): Promise<string | undefined> {
  const row = await db.read.selectFrom('meta').select('value').where('key', '=', 'signing_key').executeTakeFirst()
  return row?.value
}

/** Puts into the log which key signs from now on. Returns true when it is another than before: agents will refuse its orders. */
export async function recordSigningKey(
  ctx: Pick<Context, 'db' | 'clock' | 'ids' | 'random' | 'signingKey'>,
): Promise<boolean> {
  return ctx.db.transact(async (tx) => {
    const { fingerprint } = ctx.signingKey
    const row = await tx.selectFrom('meta').select('value').where('key', '=', 'signing_key').executeTakeFirst()
    if (row?.value === fingerprint) return false
    await tx
      .insertInto('meta')
      .values({ key: 'signing_key', value: fingerprint })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: fingerprint }))
      .execute()
    await appendAudit(ctx, tx, {
      type: row ? 'server.key_changed' : 'server.key_created',
      actor: SYSTEM,
      subject: null,
      data: { fingerprint, was: row?.value ?? null },
    })
    return row !== undefined
  })
}
