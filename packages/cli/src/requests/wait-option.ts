import { parseDuration } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'

/** How long to wait for others: not at all, without end, or until a time in milliseconds since 1970. */
export type Patience = { readonly wait: false } | { readonly wait: true; readonly until: number | undefined }

/** What `--wait`, `--wait=15m`, `--no-wait` or none of them mean. */
export function readWaitOption(option: string | boolean | undefined, byDefault: boolean, now: number): Patience {
  if (option === undefined) return byDefault ? { wait: true, until: undefined } : { wait: false }
  if (option === false) return { wait: false }
  if (option === true || option === '') return { wait: true, until: undefined }
  const duration = parseDuration(option)
  if (duration === undefined)
    throw new CliError(
      'usage',
      `--wait=${option} is not a duration.`,
      'Write it like --wait=90s, --wait=15m or --wait=1h30m; --wait alone waits without end.',
    )
  return { wait: true, until: now + duration }
}

/** The longest a server holds a poll is 30 s; proxies like to end it there too. */
const POLL_S = 25

/** Seconds for the next long poll; undefined when the time is up. */
export function nextPoll(patience: Patience, now: number): number | undefined {
  if (!patience.wait) return undefined
  if (patience.until === undefined) return POLL_S
  const left = Math.ceil((patience.until - now) / 1000)
  return left <= 0 ? undefined : Math.min(left, POLL_S)
}
