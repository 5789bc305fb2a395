import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { link, mkdir, readdir, readFile, rm, stat, statfs, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Results on the local disk: a folder an execution, a file a chunk. Files are whole or not there. */
export interface ResultFiles {
  /** Stores a chunk whose number is not taken yet. */
  put(executionId: string, n: number, bytes: Uint8Array): Promise<void>
  get(executionId: string, n: number): Promise<Buffer | undefined>
  /** How many chunks are there without a gap, from 0. */
  count(executionId: string): Promise<number>
  remove(executionId: string): Promise<void>
  /** Executions that have a folder. */
  list(): Promise<string[]>
  /** Bytes of its whole chunks; what a crash left half-written is removed. */
  measure(executionId: string): Promise<number>
  /** Bytes that the file system has left for this account. */
  freeBytes(): Promise<number>
}

const FOLDER = /^exe_[0-9a-z]{26}$/

/**
 * Chunks are not synced to the disk one by one: after a power cut a result may lack some, and then it lacks its trailer
 * too, so that a reader sees an incomplete result and never a wrong one.
 */
export function createResultFiles(directory: string): ResultFiles {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const folderOf = (executionId: string) => join(directory, executionId)
  const fileOf = (executionId: string, n: number) => join(folderOf(executionId), `${n}.chunk`)

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
      await mkdir(folderOf(executionId), { recursive: true, mode: 0o700 })
      const file = fileOf(executionId, n)
      const part = `${file}.${randomUUID()}.part`
      try {
        await writeFile(part, bytes, { mode: 0o600, flag: 'wx' })
        // Never replaces what a reader may have open.
        await link(part, file)
      } finally {
        await unlink(part).catch(() => {})
      }
    },
    async count(executionId) {
      const names = new Set(await readdir(folderOf(executionId)).catch(() => []))
      let n = 0
      while (names.has(`${n}.chunk`)) n++
      return n
    },
    remove: (executionId) => rm(folderOf(executionId), { recursive: true, force: true }),
    async list() {
      // Whatever else lies there is not ours.
      return (await readdir(directory)).filter((name) => FOLDER.test(name))
    },
    async measure(executionId) {
      let bytes = 0
      for (const name of await readdir(folderOf(executionId))) {
        const file = join(folderOf(executionId), name)
        if (name.endsWith('.part')) await unlink(file)
        else bytes += (await stat(file)).size
      }
      return bytes
    },
    async freeBytes() {
      const { bavail, bsize } = await statfs(directory)
      return bavail * bsize
    },
  }
}
