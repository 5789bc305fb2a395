import { mkdir, stat } from 'node:fs/promises'
import { StartError } from './start-error.ts'

/** Makes the state directory where there is none. Throws StartError for one that other users could put a journal into. */
export async function prepareStateDir(stateDir: string): Promise<void> {
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new StartError(
      `state_dir ${stateDir} cannot be created`,
      error instanceof Error ? error.message : 'unknown reason',
      'Create it, or name one this user may write.',
    )
  }
  // Undefined on Windows, which has no such modes.
  const user = process.getuid?.()
  if (user === undefined) return
  const problem = stateDirProblem(stateDir, await stat(stateDir), user)
  if (problem) throw problem
}

/** Who can write there can take a journal away, and with it the memory of what has run. Pure. */
export function stateDirProblem(
  stateDir: string,
  { uid, mode }: { readonly uid: number; readonly mode: number },
  user: number,
): StartError | undefined {
  // Root may run with a directory that it prepared for somebody else.
  if (uid !== user && user !== 0)
    return new StartError(
      `state_dir ${stateDir} belongs to another user (uid ${uid}, the agent runs as uid ${user})`,
      WHY,
      `chown ${user} ${quote(stateDir)}\n${OR_ELSE}`,
    )
  if ((mode & 0o022) !== 0)
    return new StartError(
      `state_dir ${stateDir} can be written by other users (mode ${(mode & 0o7777).toString(8)})`,
      WHY,
      `chmod go-w ${quote(stateDir)}\n${OR_ELSE}`,
    )
  return undefined
}

const WHY = 'Whoever can change the journal can make the agent forget what it has run.'
const OR_ELSE = 'Or name a directory inside it: the agent makes that for itself alone.'

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
