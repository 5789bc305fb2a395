import type { Kysely, Selectable } from 'kysely'
import { z } from 'zod'
import { compileOnce, VALUE } from '../db/compile-once.ts'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'
import { parseOnce } from '../parse-once.ts'

const targetsSchema = z.array(z.object({ database: z.string(), environment: z.string() }))
const readTargets = parseOnce((text) => targetsSchema.parse(JSON.parse(text)))

export interface Token {
  readonly id: string
  readonly kind: 'user' | 'agent'
  readonly userId: string | null
  /** null for a user's token, and for an agent's that is bound to every configured target. */
  readonly targets: readonly { readonly database: string; readonly environment: string }[] | null
  readonly label: string | null
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly lastUsedAt: number | null
}

export async function insertToken(tx: Tx, token: Token, secretHash: string): Promise<void> {
  await tx
    .insertInto('tokens')
    .values({
      id: token.id,
      kind: token.kind,
      user_id: token.userId,
      secret_hash: secretHash,
      targets: token.targets && JSON.stringify(token.targets),
      label: token.label,
      created_at: token.createdAt,
      expires_at: token.expiresAt,
    })
    .execute()
}

const selectByHash = compileOnce((db) => db.selectFrom('tokens').selectAll().where('secret_hash', '=', VALUE))
const selectById = compileOnce((db) => db.selectFrom('tokens').selectAll().where('id', '=', VALUE))

/** The lookup is by a hash of 256 random bits: how long it takes says nothing that helps to guess one. */
export async function findTokenByHash(db: Kysely<Tables>, secretHash: string): Promise<Token | undefined> {
  const row = await selectByHash(db, secretHash)
  return row && toToken(row)
}

export async function findToken(db: Kysely<Tables>, id: string): Promise<Token | undefined> {
  const row = await selectById(db, id)
  return row && toToken(row)
}

export async function getToken(db: Kysely<Tables>, id: string): Promise<Token> {
  return toToken(await db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirstOrThrow())
}

/** Newest first, before the one given. */
export async function listTokensBefore(
  db: Kysely<Tables>,
  filter: {
    readonly before: string | undefined
    readonly userId: string | undefined
    readonly kind: 'user' | 'agent' | undefined
  },
  limit: number,
): Promise<Token[]> {
  let query = db.selectFrom('tokens').selectAll()
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  if (filter.userId !== undefined) query = query.where('user_id', '=', filter.userId)
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
  const rows = await query.orderBy('id', 'desc').limit(limit).execute()
  return rows.map(toToken)
}

/** The tokens of a user that are not revoked, also expired ones. */
export async function listUnrevokedTokens(db: Kysely<Tables>, userId: string): Promise<Token[]> {
  const rows = await db
    .selectFrom('tokens')
    .selectAll()
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .orderBy('id')
    .execute()
  return rows.map(toToken)
}

/** False for one that was revoked before. */
export async function markRevoked(tx: Tx, id: string, now: number): Promise<boolean> {
  const result = await tx
    .updateTable('tokens')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

export async function recordUse(tx: Tx, id: string, at: number): Promise<void> {
  await tx.updateTable('tokens').set({ last_used_at: at }).where('id', '=', id).execute()
}

/** When a token of each of these users was last used, as far as it is written down. */
export async function readLastUses(
  db: Kysely<Tables>,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (userIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('tokens')
    .select(['user_id', (eb) => eb.fn.max('last_used_at').as('last')])
    .where('user_id', 'in', userIds)
    .groupBy('user_id')
    .execute()
  return new Map(rows.flatMap((row) => (row.user_id === null || row.last === null ? [] : [[row.user_id, row.last]])))
}

function toToken(row: Selectable<Tables['tokens']>): Token {
  return {
    id: row.id,
    kind: row.kind,
    userId: row.user_id,
    targets: row.targets === null ? null : readTargets(row.targets),
    label: row.label,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  }
}
