import { z } from 'zod'
import { canonicalBytes, utf8 } from './canonical-json.ts'
import { digestOf, digestSchema } from './digest.ts'
import { type Opened, parseCanonical } from './dsse.ts'
import { fingerprintSchema } from './keys.ts'

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)

/** Text that has one UTF-8 form: without lone surrogates. */
export const wellFormedSchema = z.string().refine((text) => text.isWellFormed(), 'has a lone surrogate')

// Never empty: `''` where null means "any" is for a careless reader the same.
const name = wellFormedSchema.min(1)

/**
 * RFC 3339 in UTC with milliseconds, the only form that appears in anything signed: `2026-01-31T12:00:00.000Z`.
 * A real instant: `2026-99-99T…` would be NaN, before which and after which nothing is, so that it never expires.
 */
export const instantSchema = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  .refine(isInstant, 'is not an instant')

/** A database in an environment, written `app/production`. */
export const targetSchema = z.strictObject({ database: name, environment: name })

/** What a statement may be; the set of a request's statements is what permission, workflow, agent and token must cover. */
export const operationSchema = z.enum([
  'select',
  'dml',
  'ddl',
  'privileged',
  'unparsed',
  'migrate_up',
  'migrate_down',
  'migrate_status',
  'migrate_repair',
])

/** Limits of one execution; `_ms` milliseconds, `_bytes` bytes, `max_affected_rows` null for none. */
export const limitsSchema = z.strictObject({
  statement_timeout_ms: count.positive(),
  lock_timeout_ms: count.positive(),
  max_rows: count,
  max_result_bytes: count,
  max_field_bytes: count,
  max_affected_rows: count.nullable(),
})

/** The frozen, canonical description of what will run, version 1. Strict: an unknown field is a refusal. */
export const workOrderSchema = z.strictObject({
  v: z.literal(1),
  /** `req_…`; null for a preflight's probe, which no execution token may name. */
  request_id: name.nullable(),
  target: targetSchema,
  dialect: z.enum(['postgresql', 'mysql', 'mariadb']),
  /** Sorted, without repeats. */
  operations: z.array(operationSchema).min(1).refine(isSortedSet, 'is not a sorted set'),
  /** Slices of the submitted text, each untouched; joined they are the original. */
  statements: z.array(z.strictObject({ sql: name, transactional: z.boolean() })).min(1),
  classifier: z.strictObject({ version: name, catalog_digest: digestSchema.nullable() }),
  /** The requester's user name. */
  requester: name,
  /** Fingerprint of the requester's own key; null where none signs. */
  requester_key: fingerprintSchema.nullable(),
  /** The one agent that may run it; null where any agent of the target may. */
  executor: name.nullable(),
  /** Recipients that results are encrypted to. */
  seal_to: z.array(name),
  limits: limitsSchema,
  allowance: z.strictObject({
    max_executions: count.positive(),
    approval_ttl_s: count.positive(),
    execution_window_s: count.positive(),
    share_with: z.array(name),
  }),
  policy_digest: digestSchema,
  /** What an agent must understand to run this order. */
  features: z.array(name).refine(isSortedSet, 'is not a sorted set'),
  created_at: instantSchema,
  /** 128 random bits, hexadecimal: two orders never share a digest. */
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
})

export type Operation = z.infer<typeof operationSchema>
export type Target = z.infer<typeof targetSchema>
export type Limits = z.infer<typeof limitsSchema>
export type WorkOrder = z.infer<typeof workOrderSchema>

/** The canonical text of a work order, as it is stored and sent. Throws `ZodError` on anything that is not a v1 order. */
export function encodeWorkOrder(order: WorkOrder): string {
  return Buffer.from(canonicalBytes(workOrderSchema.parse(order))).toString('utf8')
}

/** `sha256:…` over the canonical text: what reviewers see, reviews refer to and tokens name. Throws `TypeError` on a lone surrogate. */
export function workOrderDigest(encoded: string): string {
  return digestOf(utf8(encoded))
}

/** Reads a work order strictly: parsed, canonicalised again, compared byte for byte. */
export function parseWorkOrder(encoded: string): Opened<WorkOrder> {
  if (!encoded.isWellFormed()) return { ok: false, why: 'malformed', detail: 'has a lone surrogate' }
  return parseCanonical(Buffer.from(encoded, 'utf8'), workOrderSchema)
}

function isInstant(text: string): boolean {
  const time = Date.parse(text)
  return Number.isFinite(time) && new Date(time).toISOString() === text
}

function isSortedSet(values: readonly string[]): boolean {
  return values.every((value, i) => i === 0 || (values[i - 1] ?? '') < value)
}
