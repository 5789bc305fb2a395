import type { AuditEventView } from '@twinlock/contract'
import type { Event } from './list-events.ts'

export function toEventView({ seq, id, type, at, actor, subject, data, hash }: Event): AuditEventView {
  return { seq, id, type, at, actor, subject, data, hash }
}
