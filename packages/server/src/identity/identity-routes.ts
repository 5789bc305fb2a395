import { api, can, formatRoleAssignment, PERMISSIONS, ROLE_NAMES, ROLES } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import { route } from '../http/route.ts'

export function identityRoutes(app: FastifyInstance, ctx: Context): void {
  route(app, ctx, api.identity.me, async ({ user }) => ({
    name: user.name,
    roles: user.roles.map(formatRoleAssignment),
    permissions: PERMISSIONS.filter((permission) => can(user.roles, permission)),
    token_expires_at: user.tokenExpiresAt === null ? null : toInstant(user.tokenExpiresAt),
    server: { id: ctx.serverId, version: ctx.version, time: toInstant(ctx.clock.now()) },
  }))

  route(app, ctx, api.identity.listRoles, async () => ({
    items: ROLE_NAMES.map((name) => ({ name, permissions: [...ROLES[name]] })),
  }))
}
