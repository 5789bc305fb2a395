import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
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
  const temporary = `${file}.${randomUUID()}.tmp`
  const descriptor = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(descriptor, `${secret}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  try {
    linkSync(temporary, file)
  } finally {
    unlinkSync(temporary)
  }
  syncDirectory(dirname(file))
  return secret
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
