import type { Effect, ExecutionStatus, RequestStatus, ResultReason, ResultState, UserStatus } from '@twinlock/contract'
import type { ColumnType, Generated } from 'kysely'

/** Columns that never change after the row was written. */
type Fixed<T> = ColumnType<T, T, never>
/** JSON text. Each feature's store parses and writes its own. */
type Json = string
/** Milliseconds since 1970. */
type Time = number

export interface Tables {
  meta: { key: string; value: string }
  users: {
    id: Fixed<string>
    name: Fixed<string>
    /** Role assignments in writing. */
    roles: Json
    status: Generated<UserStatus>
    suspended_by: string | null
    suspended_at: Time | null
    suspend_reason: string | null
    created_at: Fixed<Time>
  }
  tokens: {
    id: Fixed<string>
    kind: Fixed<'user' | 'agent'>
    user_id: Fixed<string | null>
    /** Hexadecimal SHA-256 of the secret. */
    secret_hash: Fixed<string>
    /** Targets an agent's token is bound to, `[{database, environment}]`; null for every configured target. */
    targets: Fixed<Json | null>
    label: Fixed<string | null>
    created_at: Fixed<Time>
    expires_at: Time | null
    revoked_at: Time | null
    /** Kept in memory and written now and then. */
    last_used_at: Time | null
  }
  agents: {
    id: Fixed<string>
    token_id: string
    journal_id: string
    version: string
    features: Json
    targets: Json
    created_at: Fixed<Time>
  }
  /** The requests of one target under one workflow: who sees one of them sees all, but for what is their own. */
  request_scopes: {
    /** A digest of the rest. */
    id: Fixed<string>
    database: Fixed<string>
    environment: Fixed<string>
    /** As it was when the requests were created. */
    workflow: Fixed<Json>
  }
  requests: {
    id: Fixed<string>
    number: Fixed<number>
    requester_id: Fixed<string>
    scope_id: Fixed<string>
    database: Fixed<string>
    environment: Fixed<string>
    sql: Fixed<string>
    reason: Fixed<string | null>
    start: Fixed<'manual' | 'on_approval'>
    operations: Fixed<Json>
    statements: Fixed<Json>
    work_order: Fixed<string>
    work_order_digest: Fixed<string>
    status: RequestStatus
    previous_status: RequestStatus | 'new'
    approved_via: 'workflow' | 'auto' | null
    max_executions: Fixed<number>
    slots_used: number
    created_at: Fixed<Time>
    decided_at: Time | null
    approved_at: Time | null
    first_started_at: Time | null
    /** When the pending request or the approval ends. */
    expires_at: Time
    /** The request that this one is an edited version of. */
    replaces_id: Fixed<string | null>
    /** The name of who withdrew it. */
    cancelled_by: string | null
    cancel_reason: string | null
  }
  reviews: {
    id: Fixed<string>
    request_id: Fixed<string>
    step: Fixed<number>
    decision: Fixed<'approve' | 'reject'>
    reviewer_id: Fixed<string>
    comment: Fixed<string | null>
    created_at: Fixed<Time>
  }
  executions: {
    id: Fixed<string>
    request_id: Fixed<string>
    requester_id: Fixed<string>
    database: Fixed<string>
    environment: Fixed<string>
    status: ExecutionStatus
    previous_status: ExecutionStatus | 'new'
    effect: Effect | null
    agent_id: string | null
    /** The agent's journal when it was leased: its token is for that one alone. */
    journal_id: string | null
    lease_id: string | null
    /** When a leased execution goes back to the queue, or a running one is lost. */
    lease_expires_at: Time | null
    error: Json | null
    statements: Json
    duration_ms: number | null
    server_version: string | null
    result: ResultState
    result_reason: ResultReason | null
    /** Set while it ran; what became of it is in the status. */
    cancel_requested_at: Time | null
    cancel_requested_by: string | null
    cancel_reason: string | null
    created_at: Fixed<Time>
    started_at: Time | null
    lost_at: Time | null
    finished_at: Time | null
  }
  comments: {
    id: Fixed<string>
    request_id: Fixed<string>
    author_id: Fixed<string>
    text: Fixed<string>
    created_at: Fixed<Time>
  }
  target_pauses: {
    database: Fixed<string>
    environment: Fixed<string>
    paused_by: Fixed<string>
    reason: Fixed<string | null>
    created_at: Fixed<Time>
  }
  idempotency_keys: {
    actor: Fixed<string>
    endpoint: Fixed<string>
    key: Fixed<string>
    fingerprint: Fixed<string>
    resource_id: Fixed<string>
    created_at: Fixed<Time>
  }
  audit_records: {
    seq: Fixed<number>
    prev_hash: Fixed<string>
    body_hash: Fixed<string>
    hash: Fixed<string>
    /** What a search of the log goes by; the body is what counts. The time never goes back, though the clock may. */
    time: Fixed<Time | null>
    type: Fixed<string | null>
    actor_id: Fixed<string | null>
    subject_id: Fixed<string | null>
    /** The request that it is about, itself or by one of its executions. */
    request_id: Fixed<string | null>
    salt: Fixed<string | null>
    body: Fixed<string | null>
  }
  request_transitions: { from_status: string; to_status: string }
  execution_transitions: { from_status: string; to_status: string }
  schema_migrations: { name: string; applied_at: Generated<string> }
}
