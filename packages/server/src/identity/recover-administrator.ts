import { join } from 'node:path'
import { formatRoleAssignment, type RoleAssignment } from '@twinlock/contract'
import { appendAudit, SYSTEM } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { stageSecretFile } from '../secret-files.ts'
import { storeToken } from './create-token.ts'
import { readPeople } from './people.ts'
import { revokeAllTokens } from './revoke-tokens.ts'
import { userToken } from './token-secret.ts'
import { isAdministrator } from './user-state.ts'
import { findUserByName, type User, updateUserRow } from './user-store.ts'

const ADMIN_EVERYWHERE: RoleAssignment = { role: 'admin', database: '*', environment: '*' }

export type Recovery =
  | { readonly ok: true; readonly file: string; readonly changes: readonly string[] }
  | { readonly ok: false; readonly why: string }

/**
 * For whoever owns the host, when no administrator's token is left: makes somebody an active administrator again, with a
 * new token in a file that only the server's account can read. Everything else stays as it is, unless `revokeTokens`.
 */
export async function recoverAdministrator(
  ctx: Pick<Context, 'config' | 'db' | 'clock' | 'ids' | 'random'>,
  input: { readonly user: string; readonly revokeTokens: boolean },
): Promise<Recovery> {
  const known = await findUserByName(ctx.db.read, input.user)
  if (!known) return { ok: false, why: `there is no user ${input.user}; ${await suggestion(ctx)}` }
  if (known.status === 'removed')
    return { ok: false, why: `${input.user} was removed for good; ${await suggestion(ctx)}` }
  const file = join(ctx.config.stateDir, 'admin-token')
  const secret = userToken(ctx.random)
  // On the disk before the state says so, in its place after: nothing is lost at any point in between.
  using staged = stageSecretFile(file, secret)
  const changes = await ctx.db.transact((tx) => recover(ctx, tx, known, secret, input.revokeTokens))
  staged.publish()
  return { ok: true, file, changes }
}

async function recover(
  ctx: Pick<Context, 'clock' | 'ids' | 'random'>,
  tx: Tx,
  user: User,
  secret: string,
  revokeTokens: boolean,
): Promise<string[]> {
  const changes: string[] = []
  if (user.status === 'suspended') changes.push('activated')
  const active = { ...user, status: 'active' as const, suspended: null }
  const isOne = isAdministrator(active)
  if (!isOne) changes.push('given the role admin')
  const becomes = { ...active, roles: isOne ? user.roles : [...user.roles, ADMIN_EVERYWHERE] }
  if (changes.length > 0 && !(await updateUserRow(tx, user, becomes)))
    throw new Error('the state changed while it was locked')
  const revoked = revokeTokens ? await revokeAllTokens(ctx, tx, user, SYSTEM) : []
  if (revoked.length > 0) changes.push(`freed of ${revoked.length} older ${revoked.length === 1 ? 'token' : 'tokens'}`)
  const token = {
    id: ctx.ids('tok'),
    kind: 'user' as const,
    userId: user.id,
    targets: null,
    label: 'recovery',
    createdAt: ctx.clock.now(),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
  }
  await storeToken(ctx, tx, { token, secret }, SYSTEM, { user: user.name })
  await appendAudit(ctx, tx, {
    type: 'user.recovered',
    actor: SYSTEM,
    subject: { type: 'user', id: user.name },
    data: {
      was: user.status,
      roles: becomes.roles.map(formatRoleAssignment),
      token_id: token.id,
      tokens_revoked: revoked.length,
    },
  })
  return changes
}

async function suggestion(ctx: Pick<Context, 'db'>): Promise<string> {
  const names = [...(await readPeople(ctx.db.read)).values()].filter(isAdministrator).map(({ name }) => name)
  return names.length === 0
    ? 'name another one with --user'
    : `name one with --user, such as ${names.slice(0, 5).join(', ')}`
}
