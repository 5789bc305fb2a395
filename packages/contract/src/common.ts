import { z } from 'zod'

/** RFC 3339 in UTC. */
export const timeSchema = z.iso.datetime()

/** A name in configuration, paths and selectors: users, databases, environments, agents. */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._@-]{0,62}$/,
    'must be 1 to 63 lower-case letters, digits, dots, dashes, underscores or @, starting with a letter or digit',
  )

/** A text of somebody's own, up to so many characters: without NUL bytes and half characters, which not every store keeps. */
export function textSchema(maxLength: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must not have NUL bytes or broken Unicode')
}

export const digestTextSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/)

/** An id of ours: its kind's prefix and 26 characters that sort by time. */
export function idSchema(prefix: string) {
  return z.string().regex(new RegExp(`^${prefix}_[0-9a-z]{26}$`), `must be an id that starts with ${prefix}_`)
}

export const operationNameSchema = z.enum([
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
export type OperationName = z.infer<typeof operationNameSchema>

export const dialectSchema = z.enum(['postgresql', 'mysql', 'mariadb'])

/** Seconds that a long poll may wait for a change, 0 to 30. */
export const waitSchema = z.coerce.number().int().min(0).max(30).default(0)

export const pageQuery = {
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
}
