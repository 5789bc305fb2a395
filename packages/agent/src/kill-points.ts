/** Where a crash test may end the process: each stands between two effects whose order the truth depends on. */
export type KillPoint =
  | 'leased'
  | 'started'
  | 'journaled_started'
  | 'statement_done'
  | 'journaled_committing'
  | 'committed'
  | 'journaled_outcome'
  | 'reported'

export interface KillPoints {
  reach(name: KillPoint): void | Promise<void>
}

export const NO_KILL_POINTS: KillPoints = { reach() {} }
