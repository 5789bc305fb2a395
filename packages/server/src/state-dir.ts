import { mkdirSync, statSync } from 'node:fs'

/**
 * Makes `state_dir`, for this account alone. Throws when it exists and others could put files into it: a token planted
 * there would become the first administrator's.
 */
export function prepareStateDir(stateDir: string, uid: number | undefined): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const { mode, uid: owner } = statSync(stateDir)
  if (uid === undefined) return
  if (owner !== uid)
    throw new Error(`${stateDir} belongs to another account; run the server as its owner, or: chown ${uid} ${stateDir}`)
  if ((mode & 0o022) !== 0) throw new Error(`others can write into ${stateDir}; run: chmod 700 ${stateDir}`)
}
