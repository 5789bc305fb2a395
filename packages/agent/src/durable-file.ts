import { open, rename } from 'node:fs/promises'
import { platform } from 'node:os'
import { dirname } from 'node:path'

/** Puts a file in place whole or not at all, also through a power cut. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

/** A name in a directory outlives a power cut only once the directory was synced too. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows has no handles of directories.
  if (platform() === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
