import { AUDIT_EVENTS, nameSchema, parseDuration } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'

export interface FilterInput {
  readonly type: string | undefined
  readonly actor: string | undefined
  readonly subject: string | undefined
}

interface Filters {
  readonly type?: string
  readonly actor?: string
  readonly subject?: string
}

/** Checked here: a filter with a typing error would show an empty log. */
export function readFilters({ type, actor, subject }: FilterInput): Filters {
  if (type !== undefined && !Object.keys(AUDIT_EVENTS).some((known) => known === type || isKind(type, known)))
    throw new CliError(
      'usage',
      `--type ${type} is no type of event.`,
      'A type is like request.approved, a kind of them like execution. (with the dot); docs/reference/audit.md lists them.',
    )
  if (actor !== undefined && !nameSchema.safeParse(actor).success)
    throw new CliError('usage', `--actor ${actor} is no name.`, "It is a user's name, an agent's id, or server.")
  return {
    ...(type === undefined ? {} : { type }),
    ...(actor === undefined ? {} : { actor }),
    ...(subject === undefined ? {} : { subject: subject.replace(/^#/, '') }),
  }
}

function isKind(type: string, known: string): boolean {
  return type.endsWith('.') && known.startsWith(type)
}

/** A duration back from now, or a time with its zone; a date alone is its first moment in UTC. */
export function readTime(option: string, value: string | undefined, now: number): string | undefined {
  if (value === undefined) return undefined
  const back = parseDuration(value)
  if (back !== undefined) return new Date(now - back).toISOString()
  const time = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(value)
    ? Date.parse(value)
    : Number.NaN
  if (!Number.isNaN(time)) return new Date(time).toISOString()
  throw new CliError(
    'usage',
    `${option} ${value} is not a time.`,
    'Write 2h or 7d for back from now, or 2026-11-22T12:00:00Z.',
  )
}

export function readCount(value: string | undefined, byDefault: number): number {
  if (value === undefined) return byDefault
  if (/^\d{1,6}$/.test(value)) return Number(value)
  throw new CliError('usage', `--limit ${value} is not a number of events.`, 'Give a whole number up to 999999.')
}
