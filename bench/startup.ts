import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installCli } from '../scripts/bundle-cli.ts'
import { type Benchmark, type Figure, percentile } from './measure.ts'

const SOURCE = fileURLToPath(new URL('../packages/cli/bin/twinlock.js', import.meta.url))
/** For what people install. A checkout reads some 200 small files instead, and says so beside it. */
const BUDGET = { at: 'most', value: 150 } as const

/** From the start of the process until its first byte goes out: to the terminal, or to the server. */
export const startup: Benchmark = {
  name: 'startup',
  what: 'twinlock until its first byte goes out, median; from source, and as it is installed',
  async run({ smoke }) {
    const home = mkdtempSync(join(tmpdir(), 'twinlock-startup-'))
    let arrived: (() => void) | undefined
    const server = createServer((_, response) => {
      arrived?.()
      response.destroy()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const env = {
      PATH: process.env.PATH,
      HOME: home,
      TWINLOCK_SERVER: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      TWINLOCK_TOKEN: 'twl_user_none',
    }
    const measure = async (argv: readonly string[]): Promise<number> => {
      const began = performance.now()
      const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'ignore'] })
      const first = await new Promise<number>((resolve) => {
        arrived = () => resolve(performance.now() - began)
        child.stdout.once('data', arrived)
        child.once('exit', () => resolve(Number.NaN))
      })
      if (child.exitCode === null) await once(child, 'exit')
      if (Number.isNaN(first)) throw new Error(`twinlock ${argv.slice(1).join(' ')} ended without a byte`)
      return first
    }
    const median = async (argv: readonly string[]): Promise<number> => {
      // The first run fills the cache of compiled code.
      await measure(argv)
      const samples: number[] = []
      for (let i = 0; i < (smoke ? 3 : 25); i++) samples.push(await measure(argv))
      return percentile(samples, 0.5)
    }
    try {
      const figures: Figure[] = [{ name: 'node alone', value: await median(['-p', '0']), unit: 'ms' }]
      const programs = [
        ['source', SOURCE],
        ['installed', await installCli(join(home, 'installed'))],
      ] as const
      for (const [name, file] of programs)
        for (const argv of [['--help'], ['execute', 'select 1', '-t', 'app/development']])
          figures.push({
            name: `${argv[0]}, ${name}`,
            value: await median([file, ...argv]),
            unit: 'ms',
            ...(name === 'installed' ? { budget: BUDGET } : {}),
          })
      return figures
    } finally {
      server.closeAllConnections()
      server.close()
      rmSync(home, { recursive: true, force: true })
    }
  },
}
