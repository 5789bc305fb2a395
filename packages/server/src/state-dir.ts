import { mkdirSync, statSync } from 'node:fs'

/**
 * Makes `state_dir`, for this account alone. Throws when it exists and others could put files into it: a token planted
 * there would become the first administrator's.
 */
export function prepareStateDir(stateDir: string, uid: number | undefined): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const problem = findDirProblem(stateDir, uid)
  if (problem !== undefined) throw new Error(problem)
}

/** Why the server must not keep its files here; undefined when it may. */
export function findDirProblem(folder: string, uid: number | undefined): string | undefined {
  const stat = statSync(folder)
  if (!stat.isDirectory()) return `${folder} is not a folder`
  if (uid === undefined) return undefined
  if (stat.uid !== uid)
    return `${folder} belongs to another account; run the server as its owner, or: chown ${uid} ${folder}`
  return (stat.mode & 0o022) === 0 ? undefined : `others can write into ${folder}; run: chmod 700 ${folder}`
}
