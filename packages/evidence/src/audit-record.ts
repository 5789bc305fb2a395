import { z } from 'zod'
import { isSignable, type Signable } from './canonical-json.ts'
import { instantSchema, wellFormedSchema } from './work-order.ts'

// Not a recursive schema and not z.record: the one overflows the stack on hostile depth, the other drops `__proto__`.
const auditDataSchema = z.custom<{ readonly [key: string]: Signable }>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && isSignable(value),
  'is not an object of signable values',
)

/** Who did something: always one object. `id` is the user's name, the agent's id or the name of the system's part. */
export const actorSchema = z.strictObject({ type: z.enum(['user', 'agent', 'system']), id: z.string().min(1) })

/** The body of an audit record, version 1; hashed with a salt, dropped by retention. */
export const auditBodySchema = z.strictObject({
  v: z.literal(1),
  id: z.string().min(1),
  /** Past tense and dotted: `request.approved`. */
  type: z.string().regex(/^[a-z_]+(\.[a-z_]+)+$/),
  at: instantSchema,
  actor: actorSchema,
  /** What it happened to; null where no single thing is meant. */
  subject: z.strictObject({ type: z.string().min(1), id: z.string().min(1) }).nullable(),
  data: auditDataSchema,
})

/**
 * One record of the log, version 1. `body` is the canonical text that was hashed; `salt` and `body` are null together,
 * once retention has dropped them. Hashes and salt are lower-case hexadecimal, 32 bytes each. `body` has no lone
 * surrogates: as UTF-8 it would hash like another text.
 */
export const auditRecordSchema = z.strictObject({
  v: z.literal(1),
  seq: z.number().int().positive(),
  prev_hash: z.string().regex(/^[0-9a-f]{64}$/),
  body_hash: z.string().regex(/^[0-9a-f]{64}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  salt: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  body: wellFormedSchema.nullable(),
})

export type Actor = z.infer<typeof actorSchema>
export type AuditBody = z.infer<typeof auditBodySchema>
export type AuditRecord = z.infer<typeof auditRecordSchema>
