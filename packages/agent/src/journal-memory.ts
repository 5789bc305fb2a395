import type { Effect } from '@twinlock/contract'
import type { CommittingEntry, JournalEntry, OutcomeEntry, StartedEntry } from './journal-entry.ts'

/** An execution of which the server has not yet been told the end. */
export interface OpenExecution {
  readonly executionId: string
  readonly started?: StartedEntry
  readonly committing?: CommittingEntry
  readonly outcome?: OutcomeEntry
}

/** How long an id is remembered after its token's end: longer than any clock is put right by. */
export const REMEMBER_MS = 24 * 3_600_000

/** What the journal's entries add up to. */
export interface JournalMemory {
  readonly forgottenUntil: number
  readonly open: ReadonlyMap<string, OpenExecution>
  apply(entry: JournalEntry): void
  hasSeen(executionId: string, tokenExpiresAt: number): boolean
  /** What is known of an execution that ended; `open` while its end is not reported. */
  lookUp(executionId: string): Effect | 'open' | undefined
  /** Drops ids whose tokens ended long ago. */
  forget(now: number): void
  /** The fewest entries that add up to the same. */
  entries(): JournalEntry[]
}

export function createJournalMemory(forgottenUntilAtFirst: number): JournalMemory {
  const seen = new Map<string, { readonly validUntil: number; readonly effect: Effect | undefined }>()
  const open = new Map<string, OpenExecution>()
  let forgottenUntil = forgottenUntilAtFirst

  function see(entry: Exclude<JournalEntry, CommittingEntry>): void {
    const known = seen.get(entry.execution_id)
    seen.set(entry.execution_id, {
      validUntil: Math.max(entry.valid_until, known?.validUntil ?? 0),
      effect: entry.type === 'reported' ? entry.effect : known?.effect,
    })
  }

  return {
    open,
    get forgottenUntil() {
      return forgottenUntil
    },
    apply(entry) {
      const executionId = entry.execution_id
      if (entry.type !== 'committing') see(entry)
      const known = open.get(executionId) ?? { executionId }
      if (entry.type === 'started') open.set(executionId, { ...known, started: entry })
      else if (entry.type === 'committing') open.set(executionId, { ...known, committing: entry })
      else if (entry.type === 'outcome') open.set(executionId, { ...known, outcome: entry })
      else open.delete(executionId)
    },
    // A clock that jumped forward makes ids be forgotten too early; their tokens stay refused by when they end.
    hasSeen: (executionId, tokenExpiresAt) => seen.has(executionId) || tokenExpiresAt <= forgottenUntil,
    lookUp: (executionId) => (open.has(executionId) ? 'open' : seen.get(executionId)?.effect),
    forget(now) {
      for (const [executionId, { validUntil }] of seen) {
        if (validUntil + REMEMBER_MS >= now || open.has(executionId)) continue
        seen.delete(executionId)
        forgottenUntil = Math.max(forgottenUntil, validUntil)
      }
    },
    entries() {
      const closed = [...seen].flatMap(([execution_id, { validUntil: valid_until, effect }]): JournalEntry[] =>
        effect === undefined || open.has(execution_id) ? [] : [{ type: 'reported', execution_id, valid_until, effect }],
      )
      return [
        ...closed,
        ...[...open.values()].flatMap(({ started, committing, outcome }) =>
          [started, committing, outcome].filter((entry) => entry !== undefined),
        ),
      ]
    },
  }
}
