import { z } from 'zod'
import { digestSchema } from './digest.ts'
import { envelopeSchema } from './dsse.ts'
import { instantSchema, limitsSchema, targetSchema } from './work-order.ts'

/** The longest time a token may be valid, in milliseconds. */
export const TOKEN_LIFETIME_MS = 5 * 60_000

/** How one approval came about: a person's review, or the system by a rule that the workflow, a grant or break-glass gives. */
const tokenApprovalSchema = z.strictObject({
  /** 1-based step of the workflow; null where no step applied (auto-approval). */
  step: z.number().int().positive().nullable(),
  via: z.enum(['review', 'auto', 'grant', 'break_glass']),
  /** The reviewer's user name; null where no person decided. */
  by: z.string().min(1).nullable(),
  at: instantSchema,
  /** The reviewer's own signed review; null where the target does not ask for one. */
  review: envelopeSchema.nullable(),
})

/** The server's permission for one agent to perform one execution once, version 1; given in the answer to `start`. */
export const executionTokenSchema = z
  .strictObject({
    v: z.literal(1),
    server_id: z.string().min(1),
    agent_id: z.string().min(1),
    /** The agent's journal: an agent whose disk was wiped has another, so that its old tokens are dead. */
    journal_id: z.string().min(1),
    execution_id: z.string().min(1),
    request_id: z.string().min(1),
    work_order_digest: digestSchema,
    /** The order's limits, tightened by reviews; never looser than the order's. */
    limits: limitsSchema,
    not_before: instantSchema,
    /** At most `TOKEN_LIFETIME_MS` after `not_before`. */
    expires_at: instantSchema,
    approvals: z.array(tokenApprovalSchema),
  })
  .refine(hasTokenLifetime, 'is not valid for a time between 1 ms and 5 minutes')

/** The server's permission for one agent to answer one question about a target, version 1; it never allows a write. */
export const probeTokenSchema = z
  .strictObject({
    v: z.literal(1),
    server_id: z.string().min(1),
    agent_id: z.string().min(1),
    journal_id: z.string().min(1),
    probe_id: z.string().min(1),
    /** `explain` and `preview` carry a work order's digest, `schema` the target alone. */
    probe: z.enum(['explain', 'preview', 'schema']),
    target: targetSchema,
    work_order_digest: digestSchema.nullable(),
    limits: limitsSchema.nullable(),
    not_before: instantSchema,
    /** At most `TOKEN_LIFETIME_MS` after `not_before`. */
    expires_at: instantSchema,
  })
  .refine(hasTokenLifetime, 'is not valid for a time between 1 ms and 5 minutes')
  .refine(
    (token) => (token.probe === 'schema') === (token.work_order_digest === null),
    'names a work order for a schema probe, or none for another',
  )

export type TokenApproval = z.infer<typeof tokenApprovalSchema>
export type ExecutionToken = z.infer<typeof executionTokenSchema>
export type ProbeToken = z.infer<typeof probeTokenSchema>

function hasTokenLifetime(token: { readonly not_before: string; readonly expires_at: string }): boolean {
  const lifetime = Date.parse(token.expires_at) - Date.parse(token.not_before)
  return lifetime > 0 && lifetime <= TOKEN_LIFETIME_MS
}
