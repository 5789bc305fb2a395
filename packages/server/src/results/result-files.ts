import { randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { link, mkdir, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
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

/**
 * Bytes up to which a file is read and written at once: most results are this short, and a way through the thread pool
 * costs more than the file.
 */
const SHORT = 64 * 1024

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
    const file = fileOf(executionId, n)
    try {
      const size = sizeOf(file)
      if (size === undefined) return undefined
      return size <= SHORT ? readFileSync(file) : await readFile(file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  return {
    get,
    async put(executionId, n, bytes) {
      if (bytes.length <= SHORT) return putAtOnce(folderOf(executionId), fileOf(executionId, n), bytes)
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
      if (sizeOf(fileOf(executionId, 1)) === undefined) return sizeOf(fileOf(executionId, 0)) === undefined ? 0 : 1
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
      const { bavail, bsize } = statfsSync(directory)
      return bavail * bsize
    },
  }
}

/** The same as the way through the thread pool, for a chunk that is not worth it. */
function putAtOnce(folder: string, file: string, bytes: Uint8Array): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const part = `${file}.${randomUUID()}.part`
  try {
    writeFileSync(part, bytes, { mode: 0o600, flag: 'wx' })
    linkSync(part, file)
  } finally {
    rmSync(part, { force: true })
  }
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size
}
