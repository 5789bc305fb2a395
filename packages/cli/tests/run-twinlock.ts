import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../bin/twinlock.js', import.meta.url))

/** Compiled code may outlive a test's home. */
const CACHE = mkdtempSync(join(tmpdir(), 'twinlock-cli-cache-'))
process.on('exit', () => rmSync(CACHE, { recursive: true, force: true }))

export interface Ended {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder with a home of its own, in which the real program runs. */
export interface Desk extends AsyncDisposable {
  readonly folder: string
  run(argv: readonly string[], options?: RunOptions): Promise<Ended>
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  readonly cwd?: string
  /** When it resolves, the program gets this signal. */
  readonly interruptAfter?: Promise<void>
}

export async function createDesk(env: Readonly<Record<string, string>> = {}): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), 'twinlock-cli-'))
  return {
    folder,
    run: (argv, options = {}) => runTwinlock(folder, argv, { ...options, env: { ...env, ...options.env } }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

function runTwinlock(folder: string, argv: readonly string[], options: RunOptions): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...argv], {
    cwd: options.cwd ?? folder,
    env: { PATH: process.env.PATH, HOME: folder, XDG_CACHE_HOME: CACHE, ...options.env },
    stdio: 'pipe',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.end(options.stdin ?? '')
  void options.interruptAfter?.then(() => child.kill('SIGINT'))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exit) => resolve({ exit, stdout, stderr }))
  })
}
