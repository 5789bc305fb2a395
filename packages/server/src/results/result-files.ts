import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { link, mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Results on the local disk: a folder an execution, a file a chunk. Files are whole or not there. */
export interface ResultFiles {
  /** `conflict` when another chunk of this number is stored. */
  put(executionId: string, n: number, bytes: Uint8Array): Promise<'stored' | 'conflict'>
  get(executionId: string, n: number): Promise<Buffer | undefined>
  /** How many chunks are there without a gap, from 0. */
  count(executionId: string): Promise<number>
}

/**
 * Chunks are not synced to the disk one by one: after a power cut a result may lack some, and then it lacks its trailer
 * too, so that a reader sees an incomplete result and never a wrong one.
 */
export function createResultFiles(directory: string): ResultFiles {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const fileOf = (executionId: string, n: number) => join(directory, executionId, `${n}.chunk`)

  async function get(executionId: string, n: number): Promise<Buffer | undefined> {
    try {
      return await readFile(fileOf(executionId, n))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  return {
    get,
    async put(executionId, n, bytes) {
      const stored = await get(executionId, n)
      if (stored) return stored.equals(bytes) ? 'stored' : 'conflict'
      await mkdir(join(directory, executionId), { recursive: true, mode: 0o700 })
      const file = fileOf(executionId, n)
      const part = `${file}.${randomUUID()}.part`
      await writeFile(part, bytes, { mode: 0o600, flag: 'wx' })
      try {
        // Never replaces what a reader may have open; a twin that was faster is compared with.
        await link(part, file)
        return 'stored'
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        return (await get(executionId, n))?.equals(bytes) ? 'stored' : 'conflict'
      } finally {
        await unlink(part)
      }
    },
    async count(executionId) {
      const names = new Set(await readdir(join(directory, executionId)).catch(() => []))
      let n = 0
      while (names.has(`${n}.chunk`)) n++
      return n
    },
  }
}
