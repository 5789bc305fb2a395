import { formatRoleAssignment, parseRoleAssignment, type RoleAssignment, type UserStatus } from '@twinlock/contract'
import type { Kysely, Selectable } from 'kysely'
import { z } from 'zod'
import { compileOnce, VALUE } from '../db/compile-once.ts'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'
import { parseOnce } from '../parse-once.ts'

const rolesSchema = z.array(
  z.string().transform((text, ctx) => {
    const assignment = parseRoleAssignment(text)
    if (assignment) return assignment
    ctx.addIssue({ code: 'custom', message: 'is not a role assignment' })
    return z.NEVER
  }),
)

const readRoles = parseOnce((text) => rolesSchema.parse(JSON.parse(text)))

export interface User {
  readonly id: string
  readonly name: string
  readonly roles: readonly RoleAssignment[]
  readonly status: UserStatus
  readonly suspended: Suspension | null
  readonly createdAt: number
}

export interface Suspension {
  readonly by: string
  readonly at: number
  readonly reason: string | null
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

/** Changes a user who still has the status they were read with; false when something else came first. */
export async function updateUserRow(
  tx: Tx,
  was: User,
  becomes: Pick<User, 'roles' | 'status' | 'suspended'>,
): Promise<boolean> {
  const result = await tx
    .updateTable('users')
    .set({
      roles: JSON.stringify(becomes.roles.map(formatRoleAssignment)),
      status: becomes.status,
      suspended_by: becomes.suspended?.by ?? null,
      suspended_at: becomes.suspended?.at ?? null,
      suspend_reason: becomes.suspended?.reason ?? null,
    })
    .where('id', '=', was.id)
    .where('status', '=', was.status)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

export async function findUserByName(db: Kysely<Tables>, name: string): Promise<User | undefined> {
  const row = await db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst()
  return row && toUser(row)
}

const selectById = compileOnce((db) => db.selectFrom('users').selectAll().where('id', '=', VALUE))

export async function findUserById(db: Kysely<Tables>, id: string): Promise<User | undefined> {
  const row = await selectById(db, id)
  return row && toUser(row)
}

export async function getUser(db: Kysely<Tables>, id: string): Promise<User> {
  return toUser(await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow())
}

/** By name, after the one given. */
export async function listUsersAfter(
  db: Kysely<Tables>,
  filter: { readonly after: string; readonly status?: UserStatus | undefined },
  limit: number,
): Promise<User[]> {
  let query = db.selectFrom('users').selectAll().where('name', '>', filter.after)
  if (filter.status) query = query.where('status', '=', filter.status)
  const rows = await query.orderBy('name').limit(limit).execute()
  return rows.map(toUser)
}

function toUser(row: Selectable<Tables['users']>): User {
  return {
    id: row.id,
    name: row.name,
    roles: readRoles(row.roles),
    status: row.status,
    suspended:
      row.suspended_by === null || row.suspended_at === null
        ? null
        : { by: row.suspended_by, at: row.suspended_at, reason: row.suspend_reason },
    createdAt: row.created_at,
  }
}
