import { AppError, formatRoleAssignment, parseRoleAssignment } from '@twinlock/contract'
import type { Actor } from '@twinlock/evidence'
import { appendAudit } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { findUserByName, insertUser, type User } from './identity-store.ts'

export async function createUser(
  ctx: Pick<Context, 'db' | 'clock' | 'ids' | 'random'>,
  actor: Actor,
  input: { name: string; roles: readonly string[] },
  idempotency?: Idempotency,
): Promise<User> {
  return ctx.db.transact(async (tx) => {
    if (await findUserByName(tx, input.name))
      throw new AppError('user_exists', { detail: `there is a user ${input.name}` })
    const user: User = {
      id: ctx.ids('usr'),
      name: input.name,
      roles: [...new Set(input.roles)].flatMap((text) => parseRoleAssignment(text) ?? []),
      status: 'active',
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
}
