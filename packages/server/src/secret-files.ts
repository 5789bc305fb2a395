import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** Reads a secret that only its owner may read; undefined when there is none. Throws when others could read it. */
export function readSecretFile(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0)
    throw new Error(`${file} can be read by others; run: chmod 600 ${file}`)
  return readFileSync(file, 'utf8').trim()
}

/** Writes a secret that is wholly there, durable and 0600, or not at all. Never replaces a file. Returns the secret. */
export function writeSecretFile(file: string, secret: string): string {
  const temporary = writeTemporary(file, secret)
  try {
    linkSync(temporary, file)
  } finally {
    unlinkSync(temporary)
  }
  syncDirectory(dirname(file))
  return secret
}

/** A secret that is on the disk, 0600, and not in its place yet; disposing of it before it is published removes it. */
export function stageSecretFile(file: string, secret: string): Disposable & { publish(): void } {
  const temporary = writeTemporary(file, secret)
  let isPublished = false
  return {
    /** Takes the place of a file that is there, at once and wholly. */
    publish() {
      renameSync(temporary, file)
      isPublished = true
      syncDirectory(dirname(file))
    },
    [Symbol.dispose]() {
      if (!isPublished) unlinkSync(temporary)
    },
  }
}

function writeTemporary(file: string, secret: string): string {
  const temporary = `${file}.${randomUUID()}.tmp`
  const descriptor = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(descriptor, `${secret}\n`)
    fsyncSync(descriptor)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  } finally {
    closeSync(descriptor)
  }
  return temporary
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
