import { z } from 'zod'
import { dialectSchema, idSchema, nameSchema, operationNameSchema, timeSchema } from './common.ts'
import { defineEndpoint } from './endpoint.ts'
import { effectSchema, executionErrorSchema, resultReasonSchema, statementOutcomeSchema } from './executions.ts'

/** The largest body of a chunk, bytes. */
export const MAX_CHUNK_BYTES = 900 * 1024
/** The longest result that may come with the outcome, characters. */
export const MAX_INLINE_RESULT = 64 * 1024
/** How long a poll is held open, seconds. */
export const POLL_HOLD_S = 25
/** How long an agent holds an execution that it heartbeats. */
export const LEASE_MS = 30_000
export const HEARTBEAT_MS = 10_000
/** How long a leased execution waits for its start. */
export const START_WITHIN_MS = 10_000

/** Longer than the largest text that is taken can become in JSON's escaping. */
const MAX_WORK_ORDER_LENGTH = 8 * 1024 * 1024

/** A lease is known by an unguessable id that the server made. */
const leaseIdSchema = idSchema('lse')

/**
 * Messages of the agent's protocol are extended by adding fields that the other side ignores: answers are read loosely
 * by the agent, and bodies loosely by the server. What authorises (orders, tokens) is strict and signed.
 */
const leaseSchema = z.object({
  execution_id: idSchema('exe'),
  lease_id: leaseIdSchema,
  /** The canonical text of the work order, as it was approved. */
  work_order: z.string().max(MAX_WORK_ORDER_LENGTH),
})
export type Lease = z.infer<typeof leaseSchema>

/** A DSSE envelope; `evidence` reads it strictly. */
const envelopeTextSchema = z.unknown()

const executionParams = z.strictObject({ id: idSchema('exe') })

/** Somebody asks that a running execution of this agent's be cancelled. Repeated until the agent says that it knows. */
const cancelSchema = z.object({ execution_id: idSchema('exe'), reason: z.string().max(4000).nullable() })
export type Cancel = z.infer<typeof cancelSchema>

/**
 * What the agent last saw of a target. `refused`: it does not serve it although it could reach it (a pooler that breaks
 * sessions, another engine than configured), and gets no work of it.
 */
const targetStateSchema = z.object({
  status: z.enum(['unknown', 'ok', 'unreachable', 'refused']),
  server_version: z.string().max(200).nullable(),
  /** One of EXECUTION_ERROR_CODES or TARGET_PROBLEM_CODES. */
  code: z
    .string()
    .regex(/^[a-z_]{1,64}$/)
    .nullable(),
})
export type TargetState = z.infer<typeof targetStateSchema>

/** Limits that an agent's own configuration may lower. */
const CLAMPABLE: readonly string[] = [
  'statement_timeout_ms',
  'lock_timeout_ms',
  'max_rows',
  'max_result_bytes',
  'max_field_bytes',
]

/** What an agent reports at the end of an execution. */
export const outcomeSchema = z.object({
  lease_id: leaseIdSchema,
  status: z.enum(['succeeded', 'failed', 'cancelled']),
  effect: effectSchema,
  error: executionErrorSchema.nullable(),
  statements: z.array(statementOutcomeSchema).max(10_000),
  duration_ms: z.number().int().nonnegative().nullable(),
  server_version: z.string().max(200).nullable(),
  /** Number of chunks of the result; 0 when there is none. */
  chunks: z.number().int().nonnegative(),
  /** SHA-256 of the whole result's bytes, hexadecimal; null when there is none. */
  result_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  /** The whole result, where it is one small chunk that was not uploaded: a short read needs no call of its own for its rows. */
  inline_result: z.string().max(MAX_INLINE_RESULT).optional(),
  /** How the agent came to know: it saw the end, or asked its journal or the database afterwards. */
  known_from: z.enum(['observed', 'journal', 'database']),
  /** Why the server would not keep the result; null, or left out, when it did. */
  result_discarded: resultReasonSchema.exclude(['retention']).nullish(),
  /** Limits the agent's own configuration clamped, by name. */
  clamped: z
    .record(z.string(), z.number().int().nonnegative())
    .refine(
      (clamped) => Object.keys(clamped).every((name) => CLAMPABLE.includes(name)),
      'names something that is not a limit',
    ),
})
export type Outcome = z.infer<typeof outcomeSchema>

/** An agent as people see it. */
const agentViewSchema = z.object({
  id: z.string(),
  version: z.string(),
  /** Whether it holds a poll open, or did until a moment ago. */
  online: z.boolean(),
  /** null when it was not seen since the server started. */
  last_seen_at: timeSchema.nullable(),
  free_capacity: z.number().int().nonnegative().nullable(),
  running: z.number().int().nonnegative(),
  /** The agent's clock minus the server's, milliseconds, as far as the way between them lets it be known; null when unknown. */
  clock_skew_ms: z.number().int().nullable(),
  created_at: timeSchema,
  targets: z.array(
    z.object({
      target: z.string(),
      dialect: dialectSchema,
      /** Its own ceiling; null when it has none. */
      operations: z.array(operationNameSchema).nullable(),
      /** Whether its token is bound to the target by the server. */
      bound: z.boolean(),
      state: targetStateSchema,
    }),
  ),
})
export type AgentView = z.infer<typeof agentViewSchema>

export const agentEndpoints = {
  list: defineEndpoint({
    name: 'agents.list',
    method: 'GET',
    path: '/agents',
    summary: 'List the agents of the targets one may see, by name',
    access: 'agent:read',
    response: z.object({ items: z.array(agentViewSchema) }),
  }),
  poll: defineEndpoint({
    name: 'agents.poll',
    method: 'POST',
    path: '/agent/poll',
    summary: 'Wait for work: answered at once when there is some, after 25 seconds otherwise',
    access: 'agent',
    body: z.object({
      agent_id: nameSchema,
      journal_id: z.string().regex(/^jrn_[0-9a-z]{26}$/),
      version: z.string().max(50),
      features: z.array(z.string().max(64)).max(64),
      targets: z
        .array(
          z.object({
            database: nameSchema,
            environment: nameSchema,
            dialect: dialectSchema,
            operations: z.array(operationNameSchema).nullable(),
            state: targetStateSchema.optional(),
          }),
        )
        .max(1000),
      free_capacity: z.number().int().min(0).max(1000),
      /** Executions whose cancel the agent has received: it is not told again. */
      cancelling: z.array(idSchema('exe')).max(1000).optional(),
      /** How long the agent wants to be kept waiting; 0: not at all. */
      hold_s: z.number().int().min(0).max(POLL_HOLD_S).optional(),
      /** The agent's clock. */
      time: timeSchema.optional(),
    }),
    maxBodyBytes: 256 * 1024,
    response: z.object({
      server_id: z.string(),
      server_time: timeSchema,
      leases: z.array(leaseSchema),
      cancels: z.array(cancelSchema),
    }),
  }),
  start: defineEndpoint({
    name: 'agents.start',
    method: 'POST',
    path: '/agent/executions/{id}/start',
    summary: 'Start a leased execution; the answer carries the execution token',
    access: 'agent',
    params: executionParams,
    body: z.object({ lease_id: leaseIdSchema }),
    response: z.object({ token: envelopeTextSchema, server_time: timeSchema }),
  }),
  heartbeat: defineEndpoint({
    name: 'agents.heartbeat',
    method: 'POST',
    path: '/agent/executions/{id}/heartbeat',
    summary: 'Keep the lease of a running execution',
    access: 'agent',
    params: executionParams,
    body: z.object({ lease_id: leaseIdSchema }),
    response: z.object({ lease_expires_at: timeSchema }),
  }),
  handBack: defineEndpoint({
    name: 'agents.hand_back',
    method: 'POST',
    path: '/agent/executions/{id}/hand-back',
    summary: 'Give a leased execution back before it started',
    access: 'agent',
    params: executionParams,
    body: z.object({ lease_id: leaseIdSchema }),
    response: z.object({}),
  }),
  chunk: defineEndpoint({
    name: 'agents.chunk',
    method: 'PUT',
    path: '/agent/executions/{id}/chunks/{n}',
    summary: 'Store one slice of the result; repeating it changes nothing',
    access: 'agent',
    params: z.strictObject({ id: idSchema('exe'), n: z.coerce.number().int().min(0).max(10_000_000) }),
    query: z.object({ lease_id: leaseIdSchema }),
    rawBody: { maxBytes: MAX_CHUNK_BYTES },
    response: z.object({}),
  }),
  outcome: defineEndpoint({
    name: 'agents.outcome',
    method: 'POST',
    path: '/agent/executions/{id}/outcome',
    summary: 'Report how an execution ended; also late, for one that counts as lost',
    access: 'agent',
    params: executionParams,
    body: outcomeSchema,
    maxBodyBytes: 2 * 1024 * 1024,
    response: z.object({}),
  }),
}
