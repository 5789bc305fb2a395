/** The exit codes that scripts may rely on. */
export const EXIT = {
  done: 0,
  error: 1,
  usage: 2,
  /** Denied by policy or permission. */
  denied: 3,
  /** Pending, or timed out waiting. */
  pending: 4,
  /** The request was rejected, has expired or was cancelled. */
  refused: 5,
  /** The database refused or failed the statement. */
  failed: 6,
  /** Nobody can say (yet) what it did. */
  unknown: 7,
  interrupted: 130,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
