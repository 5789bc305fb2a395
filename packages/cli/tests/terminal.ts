import { PassThrough } from 'node:stream'
import type { Io, Sink } from '../src/io.ts'
import { runCli } from '../src/run-cli.ts'
import type { Ended } from './run-twinlock.ts'

export interface TerminalOptions {
  readonly home: string
  readonly env: Readonly<Record<string, string>>
  /** Typed when the question has been asked. */
  readonly answer?: { readonly to: string; readonly with: string }
}

/** Runs a command line as in a terminal: everything but the terminal itself is real. */
export async function runInTerminal(argv: readonly string[], options: TerminalOptions): Promise<Ended> {
  const written = { stdout: '', stderr: '' }
  const keyboard = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
  let answered = false
  const see = (name: 'stdout' | 'stderr', text: string) => {
    written[name] += text
    if (!answered && options.answer && written.stderr.includes(options.answer.to)) {
      answered = true
      keyboard.write(options.answer.with)
    }
  }
  const sink = (name: 'stdout' | 'stderr'): Sink => ({
    isTTY: true,
    columns: 200,
    rows: 50,
    onResize: () => ({ [Symbol.dispose]: () => {} }),
    write: async (text) => see(name, text),
  })
  const promptOutput = new PassThrough()
  promptOutput.on('data', (data) => see('stderr', String(data)))
  const io: Io = {
    env: options.env,
    cwd: options.home,
    home: options.home,
    posix: true,
    stdin: keyboard,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    promptOutput,
    interrupt: new AbortController().signal,
    onInterrupt: () => ({ [Symbol.dispose]: () => {} }),
    version: '0.0.0-test',
    nodeVersion: process.version,
  }
  const exit = await runCli(io, argv)
  return { exit, ...written }
}
