import type { ParseArgsOptionsConfig } from 'node:util'
import type { ServerConfig, ServerSecrets } from '../config.ts'

/** What a command may know and do of the process it runs in. */
export interface Host {
  readonly print: (text: string) => void
  /** One message on stderr. */
  readonly printError: (message: string) => void
  /** Of the account that runs it; undefined where there are none. */
  readonly uid: number | undefined
  /** Calls back for each SIGTERM and SIGINT. */
  readonly onStopSignal: (receive: (signal: string) => void) => void
  /** Ends the process without waiting for anything. */
  readonly endNow: (code: number) => void
  /** What is written from now on is for this account alone. */
  readonly keepFilesPrivate: () => void
}

export interface Configured {
  /** Where it was read from. */
  readonly file: string
  readonly config: ServerConfig
  readonly secrets: ServerSecrets
}

/** A subcommand of `twinlock-server`, with its configuration read and checked. `run` returns the exit code. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly example: string
  /** Beyond --config; each with the line that --help has for it. */
  readonly options?: Readonly<Record<string, ParseArgsOptionsConfig[string] & { readonly help: string }>>
  readonly run: (
    host: Host,
    configured: Configured,
    options: Readonly<Record<string, string | boolean | undefined>>,
  ) => Promise<number>
}
