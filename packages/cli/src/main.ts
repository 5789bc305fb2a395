import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import type { Io, Sink } from './io.ts'
import { runCli } from './run-cli.ts'

const interrupt = new AbortController()
const interruptHandlers: (() => void)[] = []
process.on('SIGINT', () => {
  const handler = interruptHandlers.at(-1)
  if (handler) return handler()
  // The second Ctrl-C does not wait for anything.
  if (interrupt.signal.aborted) process.exit(130)
  interrupt.abort()
})

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

const io: Io = {
  env: process.env,
  cwd: process.cwd(),
  home: homedir(),
  posix: process.platform !== 'win32',
  stdin: process.stdin,
  stdout: toSink(process.stdout),
  stderr: toSink(process.stderr),
  promptOutput: process.stderr,
  interrupt: interrupt.signal,
  onInterrupt(interrupted) {
    interruptHandlers.push(interrupted)
    return { [Symbol.dispose]: () => void interruptHandlers.splice(interruptHandlers.indexOf(interrupted), 1) }
  },
  version,
  nodeVersion: process.version,
}

process.exitCode = await runCli(io, process.argv.slice(2))

function toSink(stream: NodeJS.WriteStream): Sink {
  // Whoever read it has gone (`| head`): nothing is left to do, and what they have is not everything.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || stream === process.stderr) process.exit(1)
    process.stderr.write(`error: the output could not be written: ${error.message}\n`, () => process.exit(1))
  })
  return {
    isTTY: stream.isTTY === true,
    get columns() {
      return stream.isTTY ? stream.columns : undefined
    },
    get rows() {
      return stream.isTTY ? stream.rows : undefined
    },
    write: (text) => new Promise((resolve) => void stream.write(text, () => resolve())),
    onResize(resized) {
      stream.on('resize', resized)
      return { [Symbol.dispose]: () => void stream.off('resize', resized) }
    },
  }
}
