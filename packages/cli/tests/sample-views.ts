import { createHash } from 'node:crypto'
import type { ExecutionView, RequestView } from '@twinlock/contract'

const REQUEST_ID = 'req_01jd5hx0000000000000000042'
export const EXECUTION_ID = 'exe_01jd5hx0000000000000000001'

export function requestView(changes: Partial<RequestView> = {}): RequestView {
  return {
    id: REQUEST_ID,
    number: 1042,
    status: 'approved',
    approved_via: 'auto',
    operations: ['select'],
    database: 'app',
    environment: 'production',
    requester: 'alice',
    sql: 'select id, name from users',
    statements: [{ operation: 'select', transactional: true, reasons: [] }],
    reason: null,
    start: 'manual',
    steps: [],
    current_step: 0,
    reviews: [],
    work_order_digest: `sha256:7f3a09c1${'0'.repeat(52)}c901`,
    limits: {
      statement_timeout_ms: 30_000,
      lock_timeout_ms: 5000,
      max_rows: 10_000,
      max_result_bytes: 104_857_600,
      max_field_bytes: 16_777_216,
    },
    comments: [],
    frozen: false,
    replaces: null,
    replaced_by: null,
    cancelled: null,
    expires_at: '2099-01-01T18:40:00Z',
    executions_left: 1,
    latest_execution: null,
    created_at: '2026-11-22T12:00:00Z',
    decided_at: '2026-11-22T12:00:00Z',
    ...changes,
  }
}

export function pendingRequest(changes: Partial<RequestView> = {}): RequestView {
  return requestView({
    status: 'pending',
    approved_via: null,
    operations: ['dml'],
    sql: "update orders\nset status = 'cancelled'\nwhere id = 4711",
    statements: [
      { operation: 'dml', transactional: true, reasons: [{ code: 'data_change', message: 'UPDATE changes rows' }] },
    ],
    reason: 'INC-204: duplicate order',
    steps: [
      {
        mode: 'all',
        done: false,
        approvers: [{ role: 'admin', min: 1, approved_by: [], candidates: ['bob', 'carol'] }],
      },
    ],
    current_step: 1,
    decided_at: null,
    ...changes,
  })
}

export const APPROVAL: RequestView['reviews'][number] = {
  step: 1,
  decision: 'approve',
  by: 'bob',
  comment: 'checked the ticket',
  at: '2026-11-22T12:03:00Z',
}

export function executionView(changes: Partial<ExecutionView> = {}): ExecutionView {
  return {
    id: EXECUTION_ID,
    request_id: REQUEST_ID,
    request_number: 1042,
    status: 'succeeded',
    effect: 'none',
    agent: 'prod-1',
    error: null,
    statements: [{ status: 'succeeded', affected_rows: null, row_count: 2 }],
    duration_ms: 41,
    server_version: 'PostgreSQL 18.4',
    result: 'complete',
    result_reason: null,
    waiting: null,
    cancel: null,
    created_at: '2026-11-22T12:00:00Z',
    started_at: '2026-11-22T12:00:01Z',
    lost_at: null,
    finished_at: '2026-11-22T12:00:02Z',
    ...changes,
  }
}

export const USERS = {
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'name', type: 'text' },
  ],
  rows: [
    ['1', 'alice'],
    ['20', null],
  ] as (string | number | boolean | null)[][],
}

/** The lines of one statement as an agent writes them. */
export function section(
  statement: number,
  columns: readonly { name: string; type: string }[],
  rows: readonly (readonly (string | number | boolean | null)[])[],
  trailer: { row_count?: number | null; affected_rows?: number | null; truncated?: boolean; sha256?: string } = {},
): string {
  const body = `${JSON.stringify({ statement, columns })}\n${rows.length > 0 ? `${JSON.stringify({ rows })}\n` : ''}`
  const end = {
    row_count: columns.length > 0 ? rows.length : null,
    affected_rows: null,
    truncated: false,
    sha256: createHash('sha256').update(body).digest('hex'),
    ...trailer,
  }
  return `${body}${JSON.stringify(end)}\n`
}
