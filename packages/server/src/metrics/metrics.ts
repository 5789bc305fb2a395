import type { AuditEvent } from '../audit/append-audit.ts'

/** What the server counts. Labels come from closed lists: never a name a person chose, a statement or a secret. */
export interface Metrics {
  /** A call was answered; `route` is its pattern, undefined where there is none. */
  answered(call: { method: string; route: string | undefined; status: number; ms: number }): void
  /** A unit of work of the state was committed, with the events it put into the log. */
  committed(durability: 'durable' | 'with_next', events: readonly AuditEvent[]): void
  rolledBack(): void
  /** An event could not be put into the log, so its change did not happen. */
  auditFailed(): void
  firstReviewed(ms: number): void
  resultStored(bytes: number): void
}

const nothing = () => {}

export const NO_METRICS: Metrics = {
  answered: nothing,
  committed: nothing,
  rolledBack: nothing,
  auditFailed: nothing,
  firstReviewed: nothing,
  resultStored: nothing,
}
