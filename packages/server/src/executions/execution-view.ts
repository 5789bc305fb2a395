import { EXECUTION_ERROR_CODES, type ExecutionError, type ExecutionView } from '@twinlock/contract'
import { toInstant } from '../clock.ts'
import type { ExecutionRecord } from './execution-store.ts'

/** `full` for the requester; others get the database's error without its text, which may quote rows. */
export function toExecutionView(
  execution: ExecutionRecord,
  requestNumber: number,
  audience: 'full' | 'no_values',
  waiting: ExecutionView['waiting'],
): ExecutionView {
  const instant = (ms: number | null) => (ms === null ? null : toInstant(ms))
  const error = execution.error ?? (execution.status === 'lost' ? lostError() : null)
  return {
    id: execution.id,
    request_id: execution.requestId,
    request_number: requestNumber,
    status: execution.status,
    effect: execution.effect,
    agent: execution.agentId,
    error: error && (audience === 'full' ? error : withoutValues(error)),
    statements: [...execution.statements],
    duration_ms: execution.durationMs,
    server_version: execution.serverVersion,
    result: execution.result,
    result_reason: execution.resultReason,
    waiting,
    cancel:
      execution.cancelRequestedAt === null || execution.cancelRequestedBy === null
        ? null
        : {
            by: execution.cancelRequestedBy,
            at: toInstant(execution.cancelRequestedAt),
            reason: execution.cancelReason,
          },
    created_at: toInstant(execution.createdAt),
    started_at: instant(execution.startedAt),
    lost_at: instant(execution.lostAt),
    finished_at: instant(execution.finishedAt),
  }
}

function lostError(): ExecutionError {
  const { title, hint } = EXECUTION_ERROR_CODES.agent_lost
  return { code: 'agent_lost', message: title, statement: null, position: null, sqlstate: null, detail: null, hint }
}

function withoutValues(error: ExecutionError): ExecutionError {
  const entry = Object.entries(EXECUTION_ERROR_CODES).find(([code]) => code === error.code)?.[1]
  return { ...error, message: entry?.title ?? 'The execution failed', detail: null, hint: null }
}
