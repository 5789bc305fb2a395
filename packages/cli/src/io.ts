/** A stream of text that people or programs read. */
export interface Sink {
  readonly isTTY: boolean
  /** Size of the terminal in cells; undefined when it is none. */
  readonly columns: number | undefined
  readonly rows: number | undefined
  /** Resolves when more may be written: a slow reader slows the writer down. */
  write(text: string): Promise<void>
  /** Calls back whenever the terminal has another size. */
  onResize(resized: () => void): Disposable
}

/** Everything of the process that a command may touch. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly home: string
  /** Whether files have owner, group and mode as POSIX knows them. */
  readonly posix: boolean
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown }
  readonly stdout: Sink
  readonly stderr: Sink
  /** Where prompts are drawn: the stream behind `stderr`. */
  readonly promptOutput: NodeJS.WritableStream
  /** Aborted by Ctrl-C. */
  readonly interrupt: AbortSignal
  /** Until it is disposed, Ctrl-C calls this and aborts nothing. The latest one has it. */
  onInterrupt(interrupted: () => void): Disposable
  readonly version: string
  /** `v24.21.0` */
  readonly nodeVersion: string
}
