import { AppError } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'

const KEPT_MS = 24 * 3_600_000

/** An idempotency key with what it was first used for; scoped to the caller and the endpoint. */
export interface Idempotency {
  readonly actor: string
  readonly endpoint: string
  readonly key: string
  /** Digest of method, path and whole body. */
  readonly fingerprint: string
}

/** Keeps the key with the change it stands for, in the same transaction: both are there, or neither. */
export async function rememberAnswer(
  ctx: Pick<Context, 'clock'>,
  tx: Tx,
  idempotency: Idempotency | undefined,
  resourceId: string,
): Promise<void> {
  if (!idempotency) return
  await tx
    .insertInto('idempotency_keys')
    .values({ ...idempotency, resource_id: resourceId, created_at: ctx.clock.now() })
    .execute()
}

/** What an earlier call with this key made; undefined for a new key. Throws when the key was used for something else. */
export async function recallAnswer(
  ctx: Pick<Context, 'db'>,
  idempotency: Idempotency,
): Promise<{ id: string } | undefined> {
  const row = await ctx.db.read
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'resource_id'])
    .where('actor', '=', idempotency.actor)
    .where('endpoint', '=', idempotency.endpoint)
    .where('key', '=', idempotency.key)
    .executeTakeFirst()
  if (!row) return undefined
  if (row.fingerprint !== idempotency.fingerprint) throw new AppError('idempotency_key_reused')
  return { id: row.resource_id }
}

/** Forgets keys after a day. */
export async function purgeAnswers(ctx: Pick<Context, 'db' | 'clock'>): Promise<void> {
  const before = ctx.clock.now() - KEPT_MS
  const old = await ctx.db.read
    .selectFrom('idempotency_keys')
    .select('key')
    .where('created_at', '<', before)
    .limit(1)
    .execute()
  if (old.length > 0)
    await ctx.db.transact((tx) => tx.deleteFrom('idempotency_keys').where('created_at', '<', before).execute())
}
