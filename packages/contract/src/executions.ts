import { z } from 'zod'
import { idSchema, textSchema, timeSchema, waitSchema } from './common.ts'
import { defineEndpoint } from './endpoint.ts'

export const executionStatusSchema = z.enum(['queued', 'leased', 'running', 'succeeded', 'failed', 'cancelled', 'lost'])
export type ExecutionStatus = z.infer<typeof executionStatusSchema>

/** What an execution did to the database. `failed` alone promises nothing. */
export const effectSchema = z.enum(['none', 'rolled_back', 'committed', 'partial', 'unknown'])
export type Effect = z.infer<typeof effectSchema>

/** One statement's fate. `affected_rows` counts changed rows, `row_count` rows of the result; null where the statement has none. */
export const statementOutcomeSchema = z.strictObject({
  status: z.enum(['succeeded', 'failed', 'not_run']),
  affected_rows: z.number().int().nonnegative().nullable(),
  row_count: z.number().int().nonnegative().nullable(),
})
export type StatementOutcome = z.infer<typeof statementOutcomeSchema>

/** Why an execution failed. `code` is one of EXECUTION_ERROR_CODES (a newer agent may know more). */
export const executionErrorSchema = z.strictObject({
  code: z.string().regex(/^[a-z_]{1,64}$/),
  message: z.string().max(8192),
  /** 1-based number of the statement it happened in. */
  statement: z.number().int().positive().nullable(),
  /** 1-based character position within that statement. */
  position: z.number().int().positive().nullable(),
  sqlstate: z
    .string()
    .regex(/^[0-9A-Z]{5}$/)
    .nullable(),
  detail: z.string().max(8192).nullable(),
  hint: z.string().max(8192).nullable(),
})
export type ExecutionError = z.infer<typeof executionErrorSchema>

const resultStateSchema = z.enum(['none', 'partial', 'complete', 'discarded', 'expired'])
export type ResultState = z.infer<typeof resultStateSchema>

/** `quota`: the results' room is used up; `storage_full`: the server's disk is; `retention`: it was kept for as long as results are. */
export const resultReasonSchema = z.enum(['quota', 'storage_full', 'retention'])
export type ResultReason = z.infer<typeof resultReasonSchema>

export const executionViewSchema = z.object({
  id: idSchema('exe'),
  request_id: idSchema('req'),
  request_number: z.number().int().positive(),
  status: executionStatusSchema,
  /** null until the execution has ended. */
  effect: effectSchema.nullable(),
  agent: z.string().nullable(),
  error: executionErrorSchema.nullable(),
  statements: z.array(statementOutcomeSchema),
  /** Time in the database, as the agent measured it. */
  duration_ms: z.number().int().nonnegative().nullable(),
  /** The database server's version, as it told the agent. */
  server_version: z.string().nullable(),
  /** `discarded`: it could not be kept; `expired`: it was kept and is gone. */
  result: resultStateSchema,
  /** Why a result was discarded or has expired; null otherwise. */
  result_reason: resultReasonSchema.nullable(),
  /** Why a queued execution waits; null when it does not. */
  waiting: z
    .object({ code: z.enum(['no_agent', 'agents_busy', 'target_paused', 'target_refused']), message: z.string() })
    .nullable(),
  /** Somebody asked for it to be cancelled; what became of that is in the status. */
  cancel: z.object({ by: z.string(), at: timeSchema, reason: z.string().nullable() }).nullable(),
  created_at: timeSchema,
  started_at: timeSchema.nullable(),
  lost_at: timeSchema.nullable(),
  finished_at: timeSchema.nullable(),
})
export type ExecutionView = z.infer<typeof executionViewSchema>

const executionParams = z.strictObject({ id: idSchema('exe') })

export const executionEndpoints = {
  get: defineEndpoint({
    name: 'executions.get',
    method: 'GET',
    path: '/executions/{id}',
    summary: 'Show an execution; with wait, once it has ended',
    access: 'execution:read',
    params: executionParams,
    query: z.strictObject({ wait: waitSchema }),
    response: executionViewSchema,
  }),
  cancel: defineEndpoint({
    name: 'executions.cancel',
    method: 'POST',
    path: '/executions/{id}/cancel',
    summary: 'Cancel an execution: at once before it started, by way of its agent while it runs',
    access: 'request:cancel',
    params: executionParams,
    body: z.strictObject({ reason: textSchema(4000).optional() }),
    response: executionViewSchema,
    idempotent: true,
  }),
  result: defineEndpoint({
    name: 'executions.result',
    method: 'GET',
    path: '/executions/{id}/result',
    summary: 'Stream the result as NDJSON while it arrives; without a trailer for the last statement it is incomplete',
    access: 'result:read',
    params: executionParams,
    query: z.strictObject({ from_chunk: z.coerce.number().int().nonnegative().default(0) }),
    response: null,
  }),
}

/** One line of a result, `application/x-ndjson`: per statement a header, rows, a trailer. Values as the agent read them, exact. */
export const resultLineSchema = z.union([
  z.strictObject({
    statement: z.number().int().positive(),
    columns: z.array(z.strictObject({ name: z.string(), type: z.string() })),
  }),
  z.strictObject({ rows: z.array(z.array(z.union([z.string(), z.number(), z.boolean(), z.null()]))) }),
  z.strictObject({
    row_count: z.number().int().nonnegative().nullable(),
    affected_rows: z.number().int().nonnegative().nullable(),
    truncated: z.boolean(),
    sha256: z.string(),
  }),
])
export type ResultLine = z.infer<typeof resultLineSchema>
