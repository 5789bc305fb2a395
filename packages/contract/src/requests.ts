import { z } from 'zod'
import {
  digestTextSchema,
  idSchema,
  nameSchema,
  operationNameSchema,
  pageQuery,
  textSchema,
  timeSchema,
  waitSchema,
} from './common.ts'
import { defineEndpoint } from './endpoint.ts'
import { effectSchema, executionStatusSchema, executionViewSchema } from './executions.ts'

export const requestStatusSchema = z.enum(['pending', 'approved', 'completed', 'rejected', 'expired', 'cancelled'])
export type RequestStatus = z.infer<typeof requestStatusSchema>

/** A request's id, or the number people use for it. */
export const requestRefSchema = z
  .string()
  .regex(/^(req_[0-9a-z]{26}|[1-9]\d{0,14})$/, 'must be a request number or an id that starts with req_')

const approverEntrySchema = z.object({
  role: z.string().optional(),
  user: z.string().optional(),
  min: z.number().int().positive(),
  /** Names of those whose approval counts for this entry. */
  approved_by: z.array(z.string()),
  /** Names of those who could still approve for this entry; at most 20. */
  candidates: z.array(z.string()),
})

const requestViewSchema = z.object({
  id: idSchema('req'),
  number: z.number().int().positive(),
  status: requestStatusSchema,
  approved_via: z.enum(['workflow', 'auto']).nullable(),
  operations: z.array(operationNameSchema),
  database: z.string(),
  environment: z.string(),
  requester: z.string(),
  sql: z.string(),
  /** One entry a statement: what it is, and what makes it more than a read. */
  statements: z.array(
    z.object({
      operation: operationNameSchema,
      transactional: z.boolean(),
      reasons: z.array(z.object({ code: z.string(), message: z.string() })),
    }),
  ),
  reason: z.string().nullable(),
  start: z.enum(['manual', 'on_approval']),
  steps: z.array(
    z.object({ mode: z.enum(['all', 'any']), approvers: z.array(approverEntrySchema), done: z.boolean() }),
  ),
  /** 1-based; the number of steps once all are done, 0 when there are none. */
  current_step: z.number().int().nonnegative(),
  reviews: z.array(
    z.object({
      step: z.number().int().positive(),
      decision: z.enum(['approve', 'reject']),
      by: z.string(),
      comment: z.string().nullable(),
      at: timeSchema,
    }),
  ),
  /** Oldest first. */
  comments: z.array(z.object({ by: z.string(), text: z.string(), at: timeSchema })),
  work_order_digest: digestTextSchema,
  /** Times in milliseconds, sizes in bytes. */
  limits: z.object({
    statement_timeout_ms: z.number().int(),
    lock_timeout_ms: z.number().int(),
    max_rows: z.number().int(),
    max_result_bytes: z.number().int(),
    max_field_bytes: z.number().int(),
  }),
  /** The requester is suspended: no review and no start until they are activated. */
  frozen: z.boolean(),
  /** The number of the request that this one is an edited version of; null when it is none. */
  replaces: z.number().int().positive().nullable(),
  replaced_by: z.number().int().positive().nullable(),
  /** When the pending request, or the approval, ends; null once it has ended. */
  expires_at: timeSchema.nullable(),
  executions_left: z.number().int().nonnegative(),
  latest_execution: z
    .object({ id: idSchema('exe'), status: executionStatusSchema, effect: effectSchema.nullable() })
    .nullable(),
  created_at: timeSchema,
  /** When it left `pending`; null while it has not. */
  decided_at: timeSchema.nullable(),
  /** Who withdrew it, and why; null when nobody did. */
  cancelled: z.object({ by: z.string(), reason: z.string().nullable() }).nullable(),
})
export type RequestView = z.infer<typeof requestViewSchema>

const refParams = z.strictObject({ id: requestRefSchema })
const reviewBody = z.strictObject({
  step: z.number().int().positive(),
  comment: textSchema(4000).optional(),
})

export const requestEndpoints = {
  create: defineEndpoint({
    name: 'requests.create',
    method: 'POST',
    path: '/requests',
    summary: 'Ask for SQL to be run on a target',
    access: 'request:create',
    body: z.strictObject({
      database: nameSchema,
      environment: nameSchema,
      sql: z.string(),
      reason: textSchema(4000).optional(),
      start: z.enum(['manual', 'on_approval']).default('manual'),
      /** One's own request that this is an edited version of: an open one is withdrawn with the same change. */
      replaces: requestRefSchema.optional(),
    }),
    // A statement of 1 MiB in JSON's own escaping.
    maxBodyBytes: 3 * 1024 * 1024,
    status: 201,
    response: requestViewSchema,
    idempotent: true,
  }),
  list: defineEndpoint({
    name: 'requests.list',
    method: 'GET',
    path: '/requests',
    summary: 'List the requests one may see, newest first',
    access: 'request:read',
    query: z.strictObject({
      status: requestStatusSchema.optional(),
      /** `app/production`, or `app` for all its environments. */
      target: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._@-]{0,62}(\/[a-z0-9][a-z0-9._@-]{0,62})?$/, 'must be app/production or app')
        .optional(),
      requester: nameSchema.optional(),
      /** `me`: the pending requests whose current step the caller may decide. */
      awaiting: z.literal('me').optional(),
      /** The `version` of an earlier answer: with `wait`, answered once the list is another. */
      version: z.string().max(100).optional(),
      wait: waitSchema,
      ...pageQuery,
    }),
    response: z.object({
      items: z.array(requestViewSchema),
      next_cursor: z.string().nullable(),
      /** Changes whenever what the list shows does. */
      version: z.string(),
    }),
  }),
  get: defineEndpoint({
    name: 'requests.get',
    method: 'GET',
    path: '/requests/{id}',
    summary: 'Show a request; with wait, once it is no longer pending',
    access: 'request:read',
    params: refParams,
    query: z.strictObject({ wait: waitSchema }),
    response: requestViewSchema,
  }),
  approve: defineEndpoint({
    name: 'requests.approve',
    method: 'POST',
    path: '/requests/{id}/approve',
    summary: 'Approve the current step of a request',
    access: 'request:review',
    params: refParams,
    body: reviewBody,
    response: requestViewSchema,
    idempotent: true,
  }),
  reject: defineEndpoint({
    name: 'requests.reject',
    method: 'POST',
    path: '/requests/{id}/reject',
    summary: 'Reject a request at its current step',
    access: 'request:review',
    params: refParams,
    body: reviewBody,
    response: requestViewSchema,
    idempotent: true,
  }),
  comment: defineEndpoint({
    name: 'requests.comment',
    method: 'POST',
    path: '/requests/{id}/comments',
    summary: 'Comment on a request',
    access: 'request:comment',
    params: refParams,
    body: z.strictObject({ text: textSchema(4000) }),
    response: requestViewSchema,
    idempotent: true,
  }),
  cancel: defineEndpoint({
    name: 'requests.cancel',
    method: 'POST',
    path: '/requests/{id}/cancel',
    summary: 'Withdraw a request; while one of its executions runs only with also_cancel_execution',
    access: 'request:cancel',
    params: refParams,
    body: z.strictObject({
      reason: textSchema(4000).optional(),
      also_cancel_execution: z.boolean().optional(),
    }),
    response: requestViewSchema,
    idempotent: true,
  }),
  execute: defineEndpoint({
    name: 'requests.execute',
    method: 'POST',
    path: '/requests/{id}/executions',
    summary: 'Start an execution of an approved request',
    access: 'execution:start',
    params: refParams,
    body: z.strictObject({}),
    status: 201,
    response: executionViewSchema,
    idempotent: true,
  }),
  executions: defineEndpoint({
    name: 'requests.executions',
    method: 'GET',
    path: '/requests/{id}/executions',
    summary: 'List the executions of a request, oldest first',
    access: 'execution:read',
    params: refParams,
    response: z.object({ items: z.array(executionViewSchema) }),
  }),
}
