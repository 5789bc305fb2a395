import type { RoleAssignment } from '@twinlock/contract'
import type { Actor } from '@twinlock/evidence'
import type { TargetName } from '../policies/workflow.ts'

/** A person who calls: an active one, as nobody else gets in. */
export interface UserCaller {
  readonly type: 'user'
  readonly id: string
  readonly name: string
  readonly status: 'active'
  readonly roles: readonly RoleAssignment[]
  readonly tokenId: string
  readonly tokenExpiresAt: number | null
}

/** An agent's token that calls. Which agent uses it, and that the two belong together, the use cases check. */
export interface AgentCaller {
  readonly type: 'agent'
  readonly tokenId: string
  /** The targets the token is bound to by the server. */
  readonly targets: readonly TargetName[]
}

export type Caller = UserCaller | AgentCaller

export function actorOf(caller: UserCaller): Actor {
  return { type: 'user', id: caller.name }
}

/** Who called, for the log: ids, never names of things that a person chose. */
export function actorText(caller: Caller | undefined): string | null {
  if (!caller) return null
  return caller.type === 'user' ? caller.id : `agent:${caller.tokenId}`
}
