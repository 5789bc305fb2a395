export {
  type AgentView,
  type Cancel,
  HEARTBEAT_MS,
  LEASE_MS,
  type Lease,
  MAX_CHUNK_BYTES,
  MAX_INLINE_RESULT,
  type Outcome,
  outcomeSchema,
  POLL_HOLD_S,
  START_WITHIN_MS,
  type TargetState,
} from './agents.ts'
export { ALL_ENDPOINTS, api } from './api.ts'
export { AppError, type ErrorData, type FieldProblem, isAppError } from './app-error.ts'
export { AUDIT_EVENTS, type AuditEventType } from './audit-events.ts'
export { dialectSchema, idSchema, nameSchema, type OperationName, operationNameSchema } from './common.ts'
export { formatDuration, parseDuration } from './duration.ts'
export {
  type Access,
  API_BASE,
  type Endpoint,
  type EndpointCall,
  type EndpointInput,
  type EndpointResponse,
  endpointPath,
} from './endpoint.ts'
export {
  ERROR_CODES,
  type ErrorCode,
  type ErrorCodeEntry,
  EXECUTION_ERROR_CODES,
  type ExecutionErrorCode,
  type ExecutionErrorEntry,
  TARGET_PROBLEM_CODES,
} from './error-codes.ts'
export {
  type Effect,
  type ExecutionError,
  type ExecutionStatus,
  type ExecutionView,
  effectSchema,
  executionErrorSchema,
  executionStatusSchema,
  type ResultLine,
  type ResultReason,
  type ResultState,
  resultLineSchema,
  type StatementOutcome,
  statementOutcomeSchema,
} from './executions.ts'
export { roleSchema, type TokenView, type UserStatus, type UserView } from './identity.ts'
export { newId } from './new-id.ts'
export {
  can,
  coversRoleTarget,
  formatRoleAssignment,
  holdsRole,
  PERMISSION_SCOPES,
  PERMISSIONS,
  type Permission,
  parseRoleAssignment,
  ROLE_NAMES,
  ROLES,
  type Role,
  type RoleAssignment,
} from './permissions.ts'
export { fromProblem, type Problem, problemSchema, toProblem } from './problem.ts'
export { type RequestStatus, type RequestView, requestRefSchema, requestStatusSchema } from './requests.ts'
export { parseSize } from './size.ts'
export type { AuditEventView } from './system.ts'
export type { TargetView } from './targets.ts'
export { type TransportVerdict, transportVerdict } from './transport-rule.ts'
