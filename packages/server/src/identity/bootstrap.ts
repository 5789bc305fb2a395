import { join } from 'node:path'
import { SYSTEM } from '../audit/append-audit.ts'
import type { Context } from '../context.ts'
import { readSecretFile, writeSecretFile } from '../secret-files.ts'
import { storeToken } from './create-token.ts'
import { createUser } from './create-user.ts'
import { agentToken, tokenHash, userToken } from './token-secret.ts'
import { findTokenByHash } from './token-store.ts'
import { findUserByName } from './user-store.ts'

const ADMIN_NAME = 'admin'

/**
 * The first start gives the installation its first administrator and its first agent, by two files that only the
 * server's account can read. The files come first and the state follows them, so that a crash between the two heals at
 * the next start; later starts change nothing. Returns the files written.
 */
export async function bootstrap(
  ctx: Pick<Context, 'config' | 'db' | 'clock' | 'ids' | 'random' | 'signingKey' | 'changes'>,
): Promise<string[]> {
  if (await isBootstrapped(ctx)) return []
  const adminFile = join(ctx.config.stateDir, 'admin-token')
  const agentFile = join(ctx.config.stateDir, 'agent-token')
  const admin = readSecretFile(adminFile) ?? writeSecretFile(adminFile, userToken(ctx.random))
  const agent =
    readSecretFile(agentFile) ?? writeSecretFile(agentFile, agentToken(ctx.random, ctx.signingKey.fingerprint))
  const user =
    (await findUserByName(ctx.db.read, ADMIN_NAME)) ??
    (await createUser(ctx, 'system', { name: ADMIN_NAME, roles: ['admin'] }))
  await ensureToken(ctx, admin, { kind: 'user', userId: user.id }, { user: user.name })
  await ensureToken(ctx, agent, { kind: 'agent', userId: null }, { targets: ['*'] })
  await ctx.db.transact((tx) => tx.insertInto('meta').values({ key: 'bootstrapped', value: 'yes' }).execute())
  return [adminFile, agentFile]
}

async function isBootstrapped(ctx: Pick<Context, 'db'>): Promise<boolean> {
  return (
    (await ctx.db.read.selectFrom('meta').select('key').where('key', '=', 'bootstrapped').executeTakeFirst()) !==
    undefined
  )
}

async function ensureToken(
  ctx: Pick<Context, 'db' | 'clock' | 'ids' | 'random'>,
  secret: string,
  token: { kind: 'user' | 'agent'; userId: string | null },
  data: Record<string, string | string[]>,
): Promise<void> {
  const hash = tokenHash(secret)
  if (hash === undefined)
    throw new Error('a bootstrap token file does not hold a Twinlock token; remove it and start again')
  if (await findTokenByHash(ctx.db.read, hash)) return
  const stored = {
    id: ctx.ids('tok'),
    ...token,
    targets: null,
    label: 'first start',
    createdAt: ctx.clock.now(),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
  }
  await ctx.db.transact((tx) => storeToken(ctx, tx, { token: stored, secret }, SYSTEM, data))
}
