import { z } from 'zod'
import { instantSchema } from './work-order.ts'

const signableScalar = z.union([z.string(), z.boolean(), z.null(), z.number().int()])
type AuditData = z.infer<typeof signableScalar> | AuditData[] | { [key: string]: AuditData }
const auditDataSchema: z.ZodType<AuditData> = z.lazy(() =>
  z.union([signableScalar, z.array(auditDataSchema), z.record(z.string(), auditDataSchema)]),
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
  data: z.record(z.string(), auditDataSchema),
})

/**
 * One record of the log, version 1. `body` is the canonical text that was hashed; `salt` and `body` are null together,
 * once retention has dropped them. Hashes and salt are lower-case hexadecimal, 32 bytes each.
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
  body: z.string().nullable(),
})

export type Actor = z.infer<typeof actorSchema>
export type AuditBody = z.infer<typeof auditBodySchema>
export type AuditRecord = z.infer<typeof auditRecordSchema>
