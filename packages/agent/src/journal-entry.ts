import { effectSchema, outcomeSchema, statementOutcomeSchema } from '@twinlock/contract'
import { z } from 'zod'

const executionId = z.string().min(1)
const instant = z.number().int()

/** Written once, at the top of the file. `forgotten_until`: tokens that end by then count as seen. Times are milliseconds since 1970. */
export const journalHeaderSchema = z.strictObject({
  type: z.literal('journal'),
  v: z.literal(1),
  journal_id: z.string().regex(/^jrn_[0-9a-z]{26}$/),
  forgotten_until: instant,
})
export type JournalHeader = z.infer<typeof journalHeaderSchema>

/** Before the first statement. */
const startedSchema = z.strictObject({
  type: z.literal('started'),
  execution_id: executionId,
  /** A token for this execution cannot be valid any longer after this. */
  valid_until: instant,
  lease_id: z.string(),
  target: z.strictObject({ database: z.string(), environment: z.string() }),
  /** False for a statement without BEGIN, of which nobody can say later how far it came. */
  transactional: z.boolean(),
  clamped: z.record(z.string(), z.number().int()),
})

/** Before COMMIT is sent: what to ask the database for, and what is true when it says that it committed. */
const committingSchema = z.strictObject({
  type: z.literal('committing'),
  execution_id: executionId,
  ref: z.strictObject({
    engine: z.literal('postgresql'),
    transaction_id: z.string(),
    system_identifier: z.string(),
    timeline: z.number().int(),
  }),
  statements: z.array(statementOutcomeSchema),
  server_version: z.string(),
  // Journals of the first agents have neither.
  chunks: z.number().int().nonnegative().default(0),
  result_sha256: z.string().nullable().default(null),
})

/** Before it is reported; a later one of the same execution replaces it. */
const outcomeEntrySchema = z.strictObject({
  type: z.literal('outcome'),
  execution_id: executionId,
  valid_until: instant,
  // Rows are not for the agent's disk.
  outcome: outcomeSchema.omit({ inline_result: true }),
})

/**
 * Nothing is left to tell: the server has it, or has said for good that it does not want it, or the order was refused
 * before its signature held. The effect is kept for as long as the id.
 */
const reportedSchema = z.strictObject({
  type: z.literal('reported'),
  execution_id: executionId,
  valid_until: instant,
  effect: effectSchema.default('unknown'),
})

export const journalEntrySchema = z.discriminatedUnion('type', [
  startedSchema,
  committingSchema,
  outcomeEntrySchema,
  reportedSchema,
])
export type JournalEntry = z.infer<typeof journalEntrySchema>
export type StartedEntry = z.infer<typeof startedSchema>
export type CommittingEntry = z.infer<typeof committingSchema>
export type OutcomeEntry = z.infer<typeof outcomeEntrySchema>
