import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * tmux, as a user has it: on the machine, or from its packages where we may install them. Undefined when it cannot be
 * had; in CI that is an error, since what needs it would quietly not be tested.
 */
export function findTmux(): string | undefined {
  if (works()) return 'tmux'
  if (process.getuid?.() === 0)
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'tmux']]) {
      try {
        execFileSync('apt-get', args, { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
      } catch {
        // Without a network the lists that are there may do.
      }
    }
  if (works()) return 'tmux'
  if (process.env.CI) throw new Error('tmux is missing, and the tests of a real terminal must run here: install it.')
  return undefined
}

function works(): boolean {
  try {
    execFileSync('tmux', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A real terminal with a shell in it. */
export interface Terminal extends AsyncDisposable {
  /** What is to be seen now, without trailing blanks. */
  screen(options?: { readonly styles?: true; readonly history?: true }): Promise<string>
  /** Types a line and Enter. */
  type(line: string): Promise<void>
  /** Keys by tmux's names: `C-c`, `Escape`, `x`. */
  press(...keys: string[]): Promise<void>
  resize(columns: number, rows: number): Promise<void>
  /** Resolves with the screen once it shows this. */
  shows(what: RegExp | string): Promise<string>
}

export async function openTerminal(options: {
  readonly columns: number
  readonly rows: number
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}): Promise<Terminal> {
  const folder = mkdtempSync(join(tmpdir(), 'twinlock-tmux-'))
  const env = { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', PS1: '$ ', ...options.env }
  const tmux = (...args: string[]) => run('tmux', ['-S', join(folder, 'socket'), '-f', '/dev/null', ...args], { env })
  const size = (columns: number, rows: number) => ['-x', String(columns), '-y', String(rows)]
  await tmux('new-session', '-d', ...size(options.columns, options.rows), '-c', options.cwd, 'sh')
  const screen: Terminal['screen'] = async ({ styles, history } = {}) => {
    const { stdout } = await tmux('capture-pane', '-p', ...(styles ? ['-e'] : []), ...(history ? ['-S', '-'] : []))
    return stdout.trimEnd()
  }
  return {
    screen,
    async type(line) {
      await tmux('send-keys', '-l', line)
      await tmux('send-keys', 'Enter')
    },
    press: async (...keys) => void (await tmux('send-keys', ...keys)),
    resize: async (columns, rows) => void (await tmux('resize-window', ...size(columns, rows))),
    async shows(what) {
      const deadline = Date.now() + 20_000
      for (;;) {
        const now = await screen()
        if (typeof what === 'string' ? now.includes(what) : what.test(now)) return now
        if (Date.now() > deadline) throw new Error(`the terminal does not show ${what}, but:\n${now}`)
        await sleep(50)
      }
    },
    async [Symbol.asyncDispose]() {
      await tmux('kill-server').catch(() => {})
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
