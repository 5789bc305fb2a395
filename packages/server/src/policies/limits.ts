import type { Limits, WorkOrder } from '@twinlock/evidence'

/** The limits of a request unless policy says otherwise. */
export const DEFAULT_LIMITS: Limits = {
  statement_timeout_ms: 30_000,
  lock_timeout_ms: 5_000,
  max_rows: 10_000,
  max_result_bytes: 104_857_600,
  max_field_bytes: 16_777_216,
  max_affected_rows: null,
}

/** One execution, and the time for further ones where a policy allows more. */
export const DEFAULT_ALLOWANCE: Pick<WorkOrder['allowance'], 'max_executions' | 'execution_window_s'> = {
  max_executions: 1,
  execution_window_s: 86_400,
}
