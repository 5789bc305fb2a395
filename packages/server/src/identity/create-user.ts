import { AppError, formatRoleAssignment, parseRoleAssignment, type RoleAssignment } from '@twinlock/contract'
import { appendAudit, SYSTEM } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillMay, type DecidedBy } from './authority.ts'
import { findUserByName, insertUser, type User } from './user-store.ts'

export async function createUser(
  ctx: Pick<Context, 'db' | 'clock' | 'ids' | 'random' | 'changes'>,
  by: DecidedBy,
  input: { name: string; roles: readonly string[] },
  idempotency?: Idempotency,
): Promise<User> {
  const user = await ctx.db.transact(async (tx) => {
    const actor = await assertStillMay(ctx, tx, by, 'user:create')
    // Who reads of the server's own doing must not wonder whether it is a person's.
    if (input.name === SYSTEM.id)
      throw new AppError('invalid_request', {
        detail: `${input.name} is the server's own name`,
        hint: 'Choose another.',
      })
    const namesake = await findUserByName(tx, input.name)
    if (namesake?.status === 'removed')
      throw new AppError('user_removed', { detail: `${input.name} was removed, and a name is given once` })
    if (namesake) throw new AppError('user_exists', { detail: `there is a user ${input.name}` })
    const user: User = {
      id: ctx.ids('usr'),
      name: input.name,
      roles: toRoles(input.roles),
      status: 'active',
      suspended: null,
      createdAt: ctx.clock.now(),
    }
    await insertUser(tx, user)
    await rememberAnswer(ctx, tx, idempotency, user.id)
    await appendAudit(ctx, tx, {
      type: 'user.created',
      actor,
      subject: { type: 'user', id: user.name },
      data: { roles: user.roles.map(formatRoleAssignment) },
    })
    return user
  })
  ctx.changes.notify(topicOf.people)
  return user
}

/** Each once, as validated texts of the contract. */
export function toRoles(texts: readonly string[]): RoleAssignment[] {
  const roles = texts.flatMap((text) => parseRoleAssignment(text) ?? [])
  return [...new Map(roles.map((role) => [formatRoleAssignment(role), role])).values()]
}
