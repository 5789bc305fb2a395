import { AppError, formatRoleAssignment, type Permission } from '@twinlock/contract'
import { type AuditEvent, appendAudit } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { configuredTargets } from '../policies/targets.ts'
import { cancelExecutionsNotPermitted } from '../requests/cancel-executions-not-permitted.ts'
import { topicsOfOpenRequests } from '../requests/read-requests.ts'
import { withdrawRequestsOf } from '../requests/withdraw-requests-of.ts'
import { assertAdministratorStays, assertStillMay } from './authority.ts'
import type { UserCaller } from './caller.ts'
import { toRoles } from './create-user.ts'
import { revokeAllTokens } from './revoke-tokens.ts'
import { listUnrevokedTokens } from './token-store.ts'
import { transition, type UserCommand } from './user-state.ts'
import { findUserByName, type User, updateUserRow } from './user-store.ts'

type Ctx = Pick<Context, 'db' | 'clock' | 'ids' | 'random' | 'changes' | 'openCalls' | 'config'>

/** What a change did beyond the user, told once it is committed: topics that changed, tokens that do not work any more. */
interface Consequences {
  readonly topics: readonly string[]
  readonly endedTokens: readonly string[]
}

const NONE: Consequences = { topics: [], endedTokens: [] }

/** Replaces somebody's roles. What they had queued and may not run any more is cancelled. Returns the user's id. */
export async function updateUser(
  ctx: Ctx,
  by: UserCaller,
  name: string,
  input: { readonly roles: readonly string[] },
  idempotency?: Idempotency,
): Promise<string> {
  return change(ctx, by, name, 'user:update', idempotency, async (tx, user, record) => {
    if (user.status === 'removed') throw new AppError('user_removed', { detail: `${name} was removed` })
    const roles = toRoles(input.roles)
    const were = user.roles.map(formatRoleAssignment)
    const are = roles.map(formatRoleAssignment)
    if (were.length === are.length && are.every((role) => were.includes(role))) return NONE
    await assertAdministratorStays(tx, user, { status: user.status, roles })
    await store(tx, user, { ...user, roles })
    await record('user.updated', { roles: are, were })
    return { topics: await cancelExecutionsNotPermitted(ctx, tx, user.id), endedTokens: [] }
  })
}

/** Takes effect with the next call, and ends the calls under way; open requests are frozen, what runs goes on. */
export async function suspendUser(
  ctx: Ctx,
  by: UserCaller,
  name: string,
  input: { readonly reason?: string | undefined },
  idempotency?: Idempotency,
): Promise<string> {
  return change(ctx, by, name, 'user:suspend', idempotency, async (tx, user, record) => {
    const suspended = { by: by.name, at: ctx.clock.now(), reason: input.reason ?? null }
    if (!(await move(tx, user, 'suspend', { suspended }))) return NONE
    await record('user.suspended', {})
    const tokens = await listUnrevokedTokens(tx, user.id)
    return { topics: await topicsOfOpenRequests(tx, user.id), endedTokens: tokens.map(({ id }) => id) }
  })
}

/** Thaws what was frozen: what had been queued goes to the agents again. */
export async function activateUser(ctx: Ctx, by: UserCaller, name: string, idempotency?: Idempotency): Promise<string> {
  return change(ctx, by, name, 'user:suspend', idempotency, async (tx, user, record) => {
    if (!(await move(tx, user, 'activate', { suspended: null }))) return NONE
    await record('user.activated', {})
    const thawed = await topicsOfOpenRequests(tx, user.id)
    return { topics: [...configuredTargets(ctx.config).map(topicOf.queue), ...thawed], endedTokens: [] }
  })
}

/** For good: tokens are revoked, open requests withdrawn, the name is kept from others. A running execution goes on. */
export async function removeUser(ctx: Ctx, by: UserCaller, name: string, idempotency?: Idempotency): Promise<string> {
  return change(ctx, by, name, 'user:remove', idempotency, async (tx, user, record, actor) => {
    if (!(await move(tx, user, 'remove', { suspended: null, roles: [] }))) return NONE
    const endedTokens = await revokeAllTokens(ctx, tx, user, actor)
    const { topics, withdrawn } = await withdrawRequestsOf(ctx, tx, user.id)
    await record('user.removed', { tokens_revoked: endedTokens.length, requests_withdrawn: withdrawn })
    return { topics, endedTokens }
  })
}

/** False where it is so already. */
async function move(tx: Tx, user: User, command: UserCommand, change: Partial<User>): Promise<boolean> {
  const moved = transition(user.status, command)
  if (!moved.ok) throw new AppError(moved.code, { detail: `${user.name} was removed` })
  if (!moved.changes) return false
  const becomes = { ...user, ...change, status: moved.next }
  await assertAdministratorStays(tx, user, becomes)
  await store(tx, user, becomes)
  return true
}

async function store(tx: Tx, user: User, becomes: User): Promise<void> {
  if (!(await updateUserRow(tx, user, becomes))) throw new AppError('concurrent_change')
}

type Record = (type: AuditEvent['type'], data: AuditEvent['data']) => Promise<void>

async function change(
  ctx: Ctx,
  by: UserCaller,
  name: string,
  permission: Permission,
  idempotency: Idempotency | undefined,
  work: (tx: Tx, user: User, record: Record, actor: AuditEvent['actor']) => Promise<Consequences>,
): Promise<string> {
  const { id, topics, endedTokens } = await ctx.db.transact(async (tx) => {
    const actor = await assertStillMay(ctx, tx, by, permission)
    const user = await findUserByName(tx, name)
    if (!user) throw new AppError('user_not_found', { detail: `there is no user ${name}` })
    const record: Record = (type, data) =>
      appendAudit(ctx, tx, { type, actor, subject: { type: 'user', id: user.name }, data })
    const consequences = await work(tx, user, record, actor)
    await rememberAnswer(ctx, tx, idempotency, user.id)
    return { id: user.id, ...consequences }
  })
  ctx.openCalls.end(endedTokens)
  ctx.changes.notify(topicOf.people, ...topics)
  return id
}
