import type { Client } from '@twinlock/contract/client'
import type { Io } from './io.ts'
import { createPalette, type Palette, type SafeText } from './terminal/safe-text.ts'

export interface Connection {
  readonly client: Client
  /** The server's origin. */
  readonly server: string
  readonly database: string | undefined
  readonly environment: string | undefined
}

export interface Context {
  readonly io: Io
  /** Somebody sits there: messages go to a terminal and answers come from one. */
  readonly interactive: boolean
  /** Lines on stderr can be drawn again: it is a terminal, and not a dumb one. */
  readonly live: boolean
  /** Exactly one JSON document goes to stdout. */
  readonly json: boolean
  /** For stderr and for stdout: each is coloured when it is a terminal. */
  readonly err: Palette
  readonly out: Palette
  now(): number
  /** A line, or several, to people: stderr. */
  say(text: SafeText): Promise<void>
  /** Data for people: stdout. */
  print(text: SafeText): Promise<void>
  /** The one JSON document. */
  printJson(document: unknown): Promise<void>
  /** Reads the configuration and opens nothing: the first call to the server does. */
  connect(options?: { readonly anonymous?: true }): Promise<Connection>
}

interface CommonInput {
  readonly server?: string | undefined
  readonly json?: boolean
  readonly format?: string | undefined
  readonly output?: string | undefined
  readonly color?: boolean
}

export function createContext(io: Io, input: CommonInput): Context {
  const dumb = io.env.TERM === 'dumb'
  const wanted = input.color !== false && !io.env.NO_COLOR && !dumb
  const ctx: Context = {
    io,
    interactive: io.stdin.isTTY === true && io.stderr.isTTY,
    live: io.stderr.isTTY && !dumb,
    // With a file the format is the file's.
    json: input.json === true || (input.format === 'json' && input.output === undefined),
    err: createPalette(wanted && io.stderr.isTTY),
    out: createPalette(wanted && io.stdout.isTTY),
    now: () => Date.now(),
    say: ({ safe }) => io.stderr.write(`${safe}\n`),
    print: ({ safe }) => io.stdout.write(`${safe}\n`),
    async printJson(document) {
      const { jsonText } = await import('./results/json-text.ts')
      await io.stdout.write(`${jsonText(document)}\n`)
    },
    async connect(options) {
      const { connect } = await import('./config/connect.ts')
      return connect(io, input.server, options)
    },
  }
  return ctx
}
