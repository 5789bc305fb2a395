import { idSchema, requestRefSchema } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'

/** `1042`, `#1042` or `req_…`. */
export function readRequestRef(given: string): string {
  const parsed = requestRefSchema.safeParse(given.replace(/^#/, ''))
  if (parsed.success) return parsed.data
  throw new CliError(
    'usage',
    `"${given}" is not a request.`,
    'Give its number, such as 1042: twinlock request list shows them.',
  )
}

export function readExecutionId(given: string): string {
  const parsed = idSchema('exe').safeParse(given)
  if (parsed.success) return parsed.data
  throw new CliError(
    'usage',
    `"${given}" is not an execution.`,
    'Its id starts with exe_: twinlock request show lists them.',
  )
}
