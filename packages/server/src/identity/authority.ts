import { AppError, can, type Permission } from '@twinlock/contract'
import type { Actor } from '@twinlock/evidence'
import type { Kysely } from 'kysely'
import { SYSTEM } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'
import type { TargetName } from '../policies/workflow.ts'
import { assertStillLive } from './authenticate.ts'
import { actorOf, type UserCaller } from './caller.ts'
import { isAdministrator } from './user-state.ts'
import { getUser, listUsersAfter, type User } from './user-store.ts'

/** Whose decision a change is: a person's, or the server's own. */
export type DecidedBy = UserCaller | 'system'

/**
 * Looks again whether the person may do it, for a change within its transaction: of two administrators who suspend each
 * other at once, the second is nobody any more. Returns who goes into the log.
 */
export async function assertStillMay(
  ctx: Pick<Context, 'clock'>,
  db: Kysely<Tables>,
  by: DecidedBy,
  permission: Permission,
  target?: TargetName,
): Promise<Actor> {
  if (by === 'system') return SYSTEM
  await assertStillLive(ctx, db, by)
  const { roles } = await getUser(db, by.id)
  if (!can(roles, permission, target)) throw new AppError('permission_denied')
  return actorOf(by)
}

/** Refuses a change that would leave nobody who can administer the installation. */
export async function assertAdministratorStays(
  tx: Tx,
  was: User,
  becomes: Pick<User, 'status' | 'roles'>,
): Promise<void> {
  if (!isAdministrator(was) || isAdministrator(becomes)) return
  for (let after = ''; ; ) {
    const page = await listUsersAfter(tx, { after, status: 'active' }, 500)
    if (page.some((user) => user.id !== was.id && isAdministrator(user))) return
    if (page.length < 500) break
    after = page.at(-1)?.name ?? after
  }
  throw new AppError('last_admin', { detail: `${was.name} is the only active administrator` })
}
