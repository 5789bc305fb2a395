import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A process of ours that a test or the demo has started. */
export interface RunningProcess extends AsyncDisposable {
  readonly pid: number
  /** What it wrote so far, stdout and stderr, line by line. */
  readonly lines: readonly string[]
  /** Resolves with the first line, past or to come, that `matches`; rejects when the process ends without one. */
  line(matches: (line: string) => boolean, what: string): Promise<string>
  /** Resolves when it has ended, with its exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  kill(signal: NodeJS.Signals): void
}

/** Starts Node on a file of the workspace, in the same version and with the same module resolution as this process. */
export function startNode(
  file: string,
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): RunningProcess {
  const child = spawn(process.execPath, ['--conditions=twinlock-source', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      for (const wake of waiting) wake()
    })
  const ended = waitForEnd(child)
  return {
    pid: child.pid ?? -1,
    lines,
    ended,
    kill: (signal) => void child.kill(signal),
    async line(matches, what) {
      while (true) {
        const found = lines.find(matches)
        if (found !== undefined) return found
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.add(resolve)
        const end = await Promise.race([promise, ended])
        waiting.delete(resolve)
        if (end !== undefined && !lines.some(matches))
          throw new Error(`the process ended (${end}) before ${what}:\n${lines.join('\n')}`)
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function waitForEnd(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return code ?? signal ?? 'SIGKILL'
}
