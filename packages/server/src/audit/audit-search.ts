import { AUDIT_EVENTS } from '@twinlock/contract'
import type { AuditOutline, SearchKey } from './audit-store.ts'

/** Which events are looked for: all that is said here is so. */
export interface AuditSearch {
  /** undefined: any. */
  readonly types: readonly string[] | undefined
  readonly actorId: string | undefined
  readonly subject: { readonly by: 'subject_id' | 'request_id'; readonly value: string } | undefined
}

/** The types that a text stands for: itself, or all that begin with it when it ends with a dot. Pure. */
export function toTypes(text: string): readonly string[] {
  return text.endsWith('.') ? Object.keys(AUDIT_EVENTS).filter((type) => type.startsWith(text)) : [text]
}

/**
 * The keys that bring up every event that is looked for, and few others: a subject has fewer than an actor, an actor than a
 * type. Several are read side by side.
 */
export function toSearchKeys({ types, actorId, subject }: AuditSearch): readonly SearchKey[] {
  if (subject) return [subject]
  if (actorId !== undefined) return [{ by: 'actor_id', value: actorId }]
  return types ? types.map((value) => ({ by: 'type', value })) : [undefined]
}

/** Whether all that the keys bring up is looked for. */
export function isExact({ types, actorId, subject }: AuditSearch): boolean {
  return [types, actorId, subject].filter((part) => part !== undefined).length <= 1
}

export function matchesSearch({ types, actorId, subject }: AuditSearch, outline: AuditOutline): boolean {
  return (
    (types === undefined || types.includes(outline.type)) &&
    (actorId === undefined || actorId === outline.actorId) &&
    (subject === undefined || subject.value === (subject.by === 'request_id' ? outline.requestId : outline.subjectId))
  )
}
