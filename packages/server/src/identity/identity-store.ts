import { formatRoleAssignment, parseRoleAssignment, type RoleAssignment, type UserStatus } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'

const rolesSchema = z.array(
  z.string().transform((text, ctx) => {
    const assignment = parseRoleAssignment(text)
    if (assignment) return assignment
    ctx.addIssue({ code: 'custom', message: 'is not a role assignment' })
    return z.NEVER
  }),
)
const targetsSchema = z.array(z.object({ database: z.string(), environment: z.string() }))

export interface User {
  readonly id: string
  readonly name: string
  readonly roles: readonly RoleAssignment[]
  readonly status: UserStatus
  readonly createdAt: number
}

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

export async function insertUser(tx: Tx, user: User): Promise<void> {
  await tx
    .insertInto('users')
    .values({
      id: user.id,
      name: user.name,
      roles: JSON.stringify(user.roles.map(formatRoleAssignment)),
      created_at: user.createdAt,
    })
    .execute()
}

export async function findUserByName(db: Kysely<Tables>, name: string): Promise<User | undefined> {
  const row = await db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst()
  return row && toUser(row)
}

export async function findUserById(db: Kysely<Tables>, id: string): Promise<User | undefined> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
  return row && toUser(row)
}

export async function listUsersByName(db: Kysely<Tables>, after: string, limit: number): Promise<User[]> {
  const rows = await db.selectFrom('users').selectAll().where('name', '>', after).orderBy('name').limit(limit).execute()
  return rows.map(toUser)
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

export async function findTokenByHash(db: Kysely<Tables>, secretHash: string): Promise<Token | undefined> {
  const row = await db.selectFrom('tokens').selectAll().where('secret_hash', '=', secretHash).executeTakeFirst()
  return row && toToken(row)
}

export async function getToken(db: Kysely<Tables>, id: string): Promise<Token> {
  return toToken(await db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirstOrThrow())
}

function toUser(row: { id: string; name: string; roles: string; status: UserStatus; created_at: number }): User {
  return {
    id: row.id,
    name: row.name,
    roles: rolesSchema.parse(JSON.parse(row.roles)),
    status: row.status,
    createdAt: row.created_at,
  }
}

function toToken(row: {
  id: string
  kind: 'user' | 'agent'
  user_id: string | null
  targets: string | null
  label: string | null
  created_at: number
  expires_at: number | null
  revoked_at: number | null
  last_used_at: number | null
}): Token {
  return {
    id: row.id,
    kind: row.kind,
    userId: row.user_id,
    targets: row.targets === null ? null : targetsSchema.parse(JSON.parse(row.targets)),
    createdAt: row.created_at,
    label: row.label,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  }
}
