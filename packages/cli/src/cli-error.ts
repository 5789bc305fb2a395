import { EXIT, type ExitCode } from './exit-codes.ts'

interface CliErrorEntry {
  readonly exit: ExitCode
  readonly title: string
}

/** What can go wrong on this side of the network; the server's codes are in the contract. */
const CLI_ERROR_CODES = {
  usage: { exit: EXIT.usage, title: 'The command line is not valid' },
  confirmation_required: { exit: EXIT.usage, title: 'This needs a confirmation' },
  config_invalid: { exit: EXIT.error, title: 'The configuration is not valid' },
  config_unsafe: { exit: EXIT.error, title: 'The token file can be read by others' },
  server_missing: { exit: EXIT.error, title: 'No server is configured' },
  server_refused: { exit: EXIT.error, title: 'The server address may not be used' },
  not_logged_in: { exit: EXIT.error, title: 'There is no token for this server' },
  editor_failed: { exit: EXIT.error, title: 'The editor failed' },
  file_unreadable: { exit: EXIT.error, title: 'The file cannot be read' },
  file_unwritable: { exit: EXIT.error, title: 'The file cannot be written' },
  file_exists: { exit: EXIT.error, title: 'The file is already there' },
  sql_not_printable: { exit: EXIT.error, title: 'The SQL cannot be shown faithfully' },
  result_incomplete: { exit: EXIT.error, title: 'The result is incomplete' },
  audit_not_intact: { exit: EXIT.error, title: 'The audit log is not intact' },
  request_ended: { exit: EXIT.refused, title: 'The request has ended' },
  outcome_unknown: { exit: EXIT.unknown, title: 'The outcome is unknown' },
  wait_timed_out: { exit: EXIT.pending, title: 'Timed out waiting' },
  interrupted: { exit: EXIT.interrupted, title: 'Interrupted' },
} as const satisfies Record<string, CliErrorEntry>

type CliErrorCode = keyof typeof CLI_ERROR_CODES

/** A failure of this program's own: what happened, and what to do. Neither text is made printable yet. */
export class CliError extends Error {
  readonly code: CliErrorCode
  readonly hint: string | undefined

  constructor(code: CliErrorCode, detail: string, hint?: string, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause })
    this.name = 'CliError'
    this.code = code
    this.hint = hint
  }

  get exit(): ExitCode {
    return CLI_ERROR_CODES[this.code].exit
  }

  get title(): string {
    return CLI_ERROR_CODES[this.code].title
  }
}
