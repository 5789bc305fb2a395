import type { ExecutionErrorCode } from '@twinlock/contract'

/** The agent's no, with a code for programs and a sentence for people. */
export interface Refusal {
  readonly ok: false
  readonly code: ExecutionErrorCode
  readonly message: string
  /** Nothing about the order can be believed: no signature of the pinned server held. */
  readonly isUnsigned?: true
}

export function refuse(code: ExecutionErrorCode, message: string): Refusal {
  return { ok: false, code, message }
}
