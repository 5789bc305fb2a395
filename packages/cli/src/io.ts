/** A stream of text that people or programs read. */
export interface Sink {
  readonly isTTY: boolean
  /** Width of the terminal in cells; undefined when it is none. */
  readonly columns: number | undefined
  /** Resolves when more may be written: a slow reader slows the writer down. */
  write(text: string): Promise<void>
}

/** Everything of the process that a command may touch. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly home: string
  /** Whether files have owner, group and mode as POSIX knows them. */
  readonly posix: boolean
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: Sink
  readonly stderr: Sink
  /** Where prompts are drawn: the stream behind `stderr`. */
  readonly promptOutput: NodeJS.WritableStream
  /** Aborted by Ctrl-C. */
  readonly interrupt: AbortSignal
  readonly version: string
}
