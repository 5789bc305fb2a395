import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'

const DIRECTORY = 'spill'

/** Chunks that the server does not take fast enough, on the agent's disk. */
export class SpillFile implements AsyncDisposable {
  readonly #path: string
  readonly #directory: string
  #file: FileHandle | undefined
  #size = 0

  constructor(stateDir: string, name: string) {
    this.#directory = join(stateDir, DIRECTORY)
    this.#path = join(this.#directory, name)
  }

  get size(): number {
    return this.#size
  }

  /** What was written has all been read: its room is used again. */
  rewind(): void {
    this.#size = 0
  }

  /** Where the bytes begin in the file. */
  async write(bytes: Uint8Array): Promise<number> {
    this.#file ??= await this.#create()
    const offset = this.#size
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, offset + done)
      done += bytesWritten
    }
    this.#size += bytes.length
    return offset
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const { bytesRead } = (await this.#file?.read(bytes, done, length - done, offset + done)) ?? { bytesRead: 0 }
      if (bytesRead === 0) throw new Error('the spill file is shorter than what was written to it')
      done += bytesRead
    }
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close()
    await rm(this.#path, { force: true })
  }

  async #create(): Promise<FileHandle> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const file = await open(this.#path, 'wx+', 0o600)
    // It holds people's rows: without a name it ends with the process. Windows cannot; there the next start clears it.
    await rm(this.#path, { force: true }).catch(() => {})
    return file
  }
}

/** Removes what a crash left behind. */
export async function clearSpill(stateDir: string): Promise<void> {
  await rm(join(stateDir, DIRECTORY), { recursive: true, force: true })
}
