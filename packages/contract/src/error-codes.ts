/** What a stable error code means over HTTP. `hint` says what to do; null where the error's own detail says it. */
export interface ErrorCodeEntry {
  readonly status: number
  readonly title: string
  readonly hint: string | null
}

/**
 * Every error an endpoint can answer with. Clients branch on the code, never on a message.
 * A 403 from submission is a verdict of policy ("denied"); a 409 is a state that has moved on.
 */
export const ERROR_CODES = {
  invalid_request: { status: 400, title: 'The request is not valid', hint: 'Correct the fields that are listed.' },
  sql_empty: { status: 400, title: 'There is no statement to run', hint: 'Submit at least one SQL statement.' },
  sql_invalid_text: {
    status: 400,
    title: 'The SQL text cannot be sent to a database',
    hint: 'Remove NUL bytes and broken Unicode.',
  },
  sql_too_large: { status: 400, title: 'The SQL text is too large', hint: 'Split it into smaller requests.' },
  too_many_statements: {
    status: 400,
    title: 'There are too many statements in one request',
    hint: 'Split it: a person should be able to review a request.',
  },
  parameters_not_supported: {
    status: 400,
    title: 'Parameters are not supported',
    hint: 'Write the values into the statement: what is approved is exactly what runs.',
  },
  invalid_cursor: { status: 400, title: 'The cursor is not valid', hint: 'Start again without a cursor.' },
  unauthenticated: {
    status: 401,
    title: 'Not signed in',
    hint: 'Check the token (twinlock login, TWINLOCK_TOKEN); it may have expired.',
  },
  permission_denied: { status: 403, title: 'Not permitted', hint: 'Ask an administrator for a role that allows it.' },
  unknown_target: {
    status: 403,
    title: 'No such target',
    hint: 'Check the names of database and environment, or ask an administrator.',
  },
  operation_not_permitted: {
    status: 403,
    title: 'Your roles do not allow this kind of statement',
    hint: 'Ask somebody whose role allows it, or an administrator.',
  },
  no_matching_workflow: {
    status: 403,
    title: 'No workflow allows this',
    hint: 'Ask an administrator to add a workflow for this target and operation.',
  },
  mixed_operations: {
    status: 403,
    title: 'The statements fall under different workflows',
    hint: 'Submit them as separate requests.',
  },
  mixed_transactionality: {
    status: 403,
    title: 'A statement that cannot run in a transaction must stand alone',
    hint: 'Submit it as its own request.',
  },
  statement_forbidden: { status: 403, title: 'This statement is never run', hint: null },
  reason_required: { status: 403, title: 'This target asks for a reason', hint: 'Say why, with --reason.' },
  policy_error: {
    status: 403,
    title: 'The policy could not be evaluated, so the answer is no',
    hint: 'Tell an administrator; the server log has the error id.',
  },
  self_approval: {
    status: 403,
    title: 'Nobody approves their own request',
    hint: 'Ask somebody else who may approve this step.',
  },
  not_an_approver: {
    status: 403,
    title: 'This step is not yours to decide',
    hint: 'The request shows who may approve it.',
  },
  not_requester: { status: 403, title: 'Only the requester may do this', hint: null },
  not_found: { status: 404, title: 'Not found', hint: null },
  request_not_found: {
    status: 404,
    title: 'No such request',
    hint: 'twinlock request list shows the ones you may see.',
  },
  execution_not_found: {
    status: 404,
    title: 'No such execution',
    hint: 'twinlock request show NUMBER lists its executions.',
  },
  user_not_found: { status: 404, title: 'No such user', hint: 'twinlock user list shows the users.' },
  token_not_found: { status: 404, title: 'No such token', hint: 'twinlock token list shows the tokens.' },
  not_acceptable: { status: 406, title: 'No such representation', hint: 'Ask for application/x-ndjson.' },
  request_not_pending: {
    status: 409,
    title: 'The request is no longer waiting for approval',
    hint: 'twinlock request show tells what became of it.',
  },
  step_not_current: {
    status: 409,
    title: 'The request is at another step',
    hint: 'Look at the request again before you decide.',
  },
  already_reviewed: {
    status: 409,
    title: 'You have already approved this request',
    hint: 'Every step needs somebody new.',
  },
  request_not_approved: {
    status: 409,
    title: 'The request is not approved',
    hint: 'twinlock request show tells what it waits for.',
  },
  approval_expired: { status: 409, title: 'The approval has expired', hint: 'Submit the statement again.' },
  no_executions_left: { status: 409, title: 'The approval has been used', hint: 'Submit the statement again.' },
  execution_open: {
    status: 409,
    title: 'An execution of this request is still open',
    hint: 'Wait for it: twinlock result NUMBER.',
  },
  request_frozen: {
    status: 409,
    title: 'The request is frozen: its requester is suspended',
    hint: 'It goes on once an administrator activates them.',
  },
  too_many_comments: {
    status: 409,
    title: 'You have commented on this request often enough',
    hint: 'Go on where you talk with each other otherwise.',
  },
  request_not_replaceable: {
    status: 409,
    title: 'The request cannot be replaced',
    hint: 'Wait for its execution, or submit the statement as a request of its own.',
  },
  target_paused: {
    status: 409,
    title: 'The target is paused',
    hint: 'twinlock databases shows who paused it and why.',
  },
  execution_not_cancellable: {
    status: 409,
    title: 'The execution cannot be cancelled any more',
    hint: 'twinlock request show tells what became of it.',
  },
  last_admin: {
    status: 409,
    title: 'This is the last administrator',
    hint: 'Make somebody else an administrator first.',
  },
  user_removed: { status: 409, title: 'The user was removed for good', hint: 'Create one of another name.' },
  request_not_cancellable: {
    status: 409,
    title: 'The request has ended',
    hint: 'twinlock request show tells what became of it.',
  },
  result_not_available: {
    status: 409,
    title: 'There is no result to read',
    hint: 'twinlock request show tells what became of the execution.',
  },
  result_discarded: {
    status: 410,
    title: 'The result could not be kept',
    hint: 'The statement took effect as the execution says; a read can be asked for again.',
  },
  result_expired: {
    status: 410,
    title: 'The result is gone',
    hint: 'Results are kept for a time only; a read can be asked for again.',
  },
  lease_lost: { status: 409, title: 'The lease is no longer held', hint: null },
  execution_cancelled: { status: 409, title: 'The execution is to be cancelled and is not started again', hint: null },
  execution_closed: { status: 409, title: 'The execution has ended', hint: null },
  chunk_conflict: { status: 409, title: 'Another chunk with this number is stored', hint: null },
  agent_id_taken: {
    status: 409,
    title: 'This agent id is registered with a token for other targets',
    hint: 'Give this agent another agent_id, or use the token it was registered with.',
  },
  user_exists: { status: 409, title: 'There is a user of this name', hint: null },
  idempotency_key_reused: {
    status: 409,
    title: 'The idempotency key was used for something else',
    hint: 'Use a new key for a new request.',
  },
  concurrent_change: {
    status: 409,
    title: 'Something changed at the same moment',
    hint: 'Look again and repeat it if it still makes sense.',
  },
  payload_too_large: { status: 413, title: 'The body is too large', hint: null },
  request_timeout: { status: 408, title: 'The request did not arrive in time', hint: 'Try again.' },
  headers_too_large: {
    status: 431,
    title: 'The address or the headers are too large',
    hint: 'Send what is long in the body.',
  },
  unsupported_media_type: { status: 415, title: 'The body has the wrong type', hint: 'Send application/json.' },
  too_many_requests: {
    status: 429,
    title: 'You have too much waiting already',
    hint: 'Wait for the answers, then go on.',
  },
  internal_error: {
    status: 500,
    title: 'The server failed',
    hint: 'Tell an administrator the error id; the server log has the rest.',
  },
  storage_full: { status: 507, title: 'The server could not store this', hint: 'The server needs disk space.' },
  result_quota_exceeded: { status: 507, title: 'The room for results is used up', hint: null },
  not_ready: { status: 503, title: 'The server is not ready', hint: 'Try again in a moment.' },
  server_unreachable: {
    status: 502,
    title: 'The server cannot be reached',
    hint: 'Check the address and the network.',
  },
  unexpected_answer: {
    status: 502,
    title: 'The answer did not come from a Twinlock server',
    hint: 'Check the address: a proxy or another service may stand there.',
  },
} as const satisfies Record<string, ErrorCodeEntry>

export type ErrorCode = keyof typeof ERROR_CODES

/** Why an execution did not do what was asked; the `error.code` of an execution. `by` says who refused. */
export interface ExecutionErrorEntry {
  readonly by: 'agent' | 'database' | 'server'
  readonly title: string
  readonly hint: string | null
}

const RESTART_HINT = 'The approval is still good: run it again. If it happens twice, look at server and agent.'
const ATTACK_HINT =
  'Somebody or something between server and agent changes what passes, or the server is not the one the agent knows: tell an administrator.'

export const EXECUTION_ERROR_CODES = {
  token_malformed: { by: 'agent', title: 'The execution token does not have its v1 form', hint: ATTACK_HINT },
  token_signature_invalid: {
    by: 'agent',
    title: "The execution token's signature is not the server's",
    hint: ATTACK_HINT,
  },
  server_key_changed: {
    by: 'agent',
    title: 'The execution token is signed by a key the agent does not know',
    hint: 'If the server key was rotated on purpose, give the agent a token with the new fingerprint.',
  },
  token_wrong_server: { by: 'agent', title: 'The execution token names another server', hint: ATTACK_HINT },
  token_wrong_agent: { by: 'agent', title: 'The execution token is for another agent', hint: ATTACK_HINT },
  token_wrong_journal: {
    by: 'agent',
    title: "The execution token is for another journal of this agent's",
    hint: 'The agent lost or changed its state_dir; run the request again.',
  },
  token_wrong_execution: { by: 'agent', title: 'The execution token is for another execution', hint: ATTACK_HINT },
  token_expired: { by: 'agent', title: 'The execution token has expired', hint: RESTART_HINT },
  token_not_yet_valid: {
    by: 'agent',
    title: 'The execution token is not valid yet',
    hint: 'Check the clocks of server and agent.',
  },
  token_lifetime_too_long: {
    by: 'agent',
    title: 'The execution token is valid for longer than five minutes',
    hint: ATTACK_HINT,
  },
  clock_skew: {
    by: 'agent',
    title: 'The clocks of server and agent are more than a minute apart',
    hint: 'The approval is still good: set the clock (NTP) and run it again.',
  },
  execution_already_seen: { by: 'agent', title: 'The agent has seen this execution before', hint: ATTACK_HINT },
  work_order_malformed: { by: 'agent', title: 'The work order does not have its v1 form', hint: ATTACK_HINT },
  work_order_mismatch: { by: 'agent', title: 'The work order is not the one that was approved', hint: ATTACK_HINT },
  limits_not_tightened: {
    by: 'agent',
    title: "The token's limits are looser than the work order's",
    hint: ATTACK_HINT,
  },
  feature_not_supported: {
    by: 'agent',
    title: 'The work order needs something this agent cannot do',
    hint: 'Update the agent.',
  },
  wrong_executor: {
    by: 'agent',
    title: 'The work order names another agent',
    hint: 'The server should not have sent it here: tell an administrator.',
  },
  target_not_served: {
    by: 'agent',
    title: 'The agent does not serve this target',
    hint: 'Add the target to the agent configuration.',
  },
  dialect_mismatch: {
    by: 'agent',
    title: 'The target is not the kind of database the work order says',
    hint: 'Correct the dialect in the server configuration or the url in the agent configuration.',
  },
  operation_not_covered: {
    by: 'agent',
    title: 'The agent finds more in the statements than was approved',
    hint: 'Server and agent may have different versions.',
  },
  operation_outside_ceiling: {
    by: 'agent',
    title: "The agent's own configuration does not allow this operation",
    hint: 'The operations list of the target in the agent configuration is the ceiling.',
  },
  pooler_detected: {
    by: 'agent',
    title: 'A pooler that breaks sessions stands before the database',
    hint: 'Nothing ran. Its url in the agent configuration must name the database itself, or a pooler in session mode.',
  },
  connection_failed: {
    by: 'database',
    title: 'The agent could not connect to the database',
    hint: 'The approval is still good: run it again when the database answers.',
  },
  database_error: { by: 'database', title: 'The database refused or failed the statement', hint: null },
  statement_timeout: {
    by: 'database',
    title: 'The statement ran into its time limit',
    hint: 'Make it smaller or faster.',
  },
  lock_timeout: {
    by: 'database',
    title: 'The statement waited too long for a lock',
    hint: 'Something else holds it; try again later.',
  },
  cancelled: { by: 'database', title: 'The statement was cancelled', hint: null },
  connection_lost: { by: 'database', title: 'The connection to the database was lost', hint: null },
  copy_refused: {
    by: 'agent',
    title: 'COPY through the client connection is refused',
    hint: 'Use SELECT, or INSERT with values.',
  },
  field_too_large: {
    by: 'agent',
    title: 'One value of the result is too large',
    hint: 'Select less of it, e.g. substr(column, 1, 1000).',
  },
  result_upload_failed: { by: 'agent', title: 'The result could not be brought to the server', hint: null },
  result_too_large: {
    by: 'agent',
    title: 'The database sent a message that is larger than the limits allow',
    hint: 'Select less at once.',
  },
  protocol_error: {
    by: 'agent',
    title: 'The database did not answer as it should',
    hint: 'The agent log has the rest.',
  },
  agent_stopping: {
    by: 'agent',
    title: 'The agent was stopped before the statement had ended',
    hint: RESTART_HINT,
  },
  agent_error: { by: 'agent', title: 'The agent failed', hint: 'The agent log has the rest.' },
  agent_restarted: { by: 'agent', title: 'The agent stopped while the statement ran', hint: null },
  agent_lost: {
    by: 'server',
    title: 'The agent stopped answering while the statement ran',
    hint: 'Nobody can say yet whether it took effect. The agent reports what its journal and the database know when it is back.',
  },
} as const satisfies Record<string, ExecutionErrorEntry>

/** Why an agent does not serve a target that its configuration names. */
export const TARGET_PROBLEM_CODES = {
  pooler_detected: {
    title: 'A pooler that breaks sessions stands before the database',
    hint: 'Point url at the database itself, or at a pooler in session mode.',
  },
  connection_failed: { title: 'The database cannot be reached', hint: 'Check url, network and credentials.' },
  dialect_mismatch: { title: 'The database is of another kind than its url says', hint: 'Correct the url.' },
} as const satisfies Record<string, { readonly title: string; readonly hint: string | null }>

export type ExecutionErrorCode = keyof typeof EXECUTION_ERROR_CODES
