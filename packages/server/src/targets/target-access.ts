import { AppError, can } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { UserCaller } from '../identity/caller.ts'
import { configuredTargets, findTargetDatabase, targetText } from '../policies/targets.ts'
import type { TargetName } from '../policies/workflow.ts'

/** The configured targets that somebody holds a role for, by name. */
export function visibleTargets(ctx: Pick<Context, 'config'>, user: UserCaller): TargetName[] {
  return configuredTargets(ctx.config)
    .filter((target) => can(user.roles, 'target:read', target))
    .sort((a, b) => (targetText(a) < targetText(b) ? -1 : 1))
}

/** For who may stop a target; one that is missing and one that they have no role for get the same answer. */
export function assertMayPause(ctx: Pick<Context, 'config'>, user: UserCaller, target: TargetName): void {
  if (!findTargetDatabase(ctx.config, target) || !can(user.roles, 'target:read', target))
    throw new AppError('unknown_target', { detail: `there is no target ${targetText(target)}` })
  if (!can(user.roles, 'target:pause', target))
    throw new AppError('permission_denied', {
      detail: `your roles do not let you stop or resume ${targetText(target)}`,
    })
}
