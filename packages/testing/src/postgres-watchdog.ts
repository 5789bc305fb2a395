/**
 * Outlives the process that started a PostgreSQL just long enough to stop it: `node postgres-watchdog.ts DATA [FOLDER…]`.
 * Its standard input is a pipe from that process. Its last line names the server's process id; the end of the
 * pipe, which also comes with a SIGKILL, stops that server and removes the folders.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

const [dataDir = '', ...folders] = process.argv.slice(2)
const pid = Number((await text(process.stdin)).trim().split('\n').at(-1))
if (Number.isSafeInteger(pid) && pid > 1) await stop(pid)
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })

async function stop(pid: number): Promise<void> {
  const deadline = Date.now() + 20_000
  for (let signal: NodeJS.Signals | 0 = 'SIGINT'; Date.now() < deadline; await sleep(50)) {
    if (!isAlive(pid)) return
    // A reused process id is not the server's: only the one that holds this data folder is signalled.
    if (signal !== 0 && holdsData(pid)) {
      process.kill(pid, signal)
      signal = 0
    }
  }
  if (holdsData(pid)) process.kill(pid, 'SIGKILL')
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function holdsData(pid: number): boolean {
  try {
    return Number.parseInt(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'), 10) === pid
  } catch {
    return false
  }
}
