import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { newId } from '@twinlock/contract'
import { systemClock } from '../clock.ts'
import type { ServerConfig } from '../config.ts'
import { connectSqlite } from '../db/connect.ts'
import { type Recovery, recoverAdministrator } from '../identity/recover-administrator.ts'
import { prepareStateDir } from '../state-dir.ts'
import { lockStateDir } from '../state-lock.ts'
import type { Command, Configured, Host } from './command.ts'

const DEFAULT_USER = 'admin'

export const recover: Command = {
  name: 'recover',
  summary: "write a new administrator's token, with the server stopped, when none is left",
  example: 'twinlock-server recover --user alice',
  options: {
    user: { type: 'string', help: `whose token, as an active administrator (default: ${DEFAULT_USER})` },
    'revoke-tokens': { type: 'boolean', help: "revoke that user's other tokens" },
  },
  run: runRecover,
}

async function runRecover(
  host: Host,
  { file: configFile, config }: Configured,
  options: Readonly<Record<string, string | boolean | undefined>>,
): Promise<number> {
  host.keepFilesPrivate()
  const user = typeof options.user === 'string' ? options.user : DEFAULT_USER
  try {
    const recovery = await onStoppedState(config, host.uid, { user, revokeTokens: options['revoke-tokens'] === true })
    if (!recovery.ok) throw new Error(recovery.why)
    const changed = recovery.changes.length === 0 ? '' : ` (${recovery.changes.join(', ')})`
    host.printError(
      `${user} is an active administrator${changed}, with a new token in ${recovery.file}
Start the server, sign in with it (twinlock login) and delete the file. The audit log has user.recovered.`,
    )
    return 0
  } catch (error) {
    host.printError(`nothing was recovered: ${(error as Error).message}\nThe configuration is ${configFile}`)
    return 1
  }
}

async function onStoppedState(
  config: ServerConfig,
  uid: number | undefined,
  input: { user: string; revokeTokens: boolean },
): Promise<Recovery> {
  const database = join(config.stateDir, 'twinlock.db')
  if (!existsSync(database)) throw new Error(`there is no server's state in ${config.stateDir}`)
  prepareStateDir(config.stateDir, uid)
  using _lock = lockStopped(config.stateDir)
  await using db = await connectSqlite(database)
  const ids = (prefix: string) => newId(prefix, systemClock.now(), randomBytes)
  return await recoverAdministrator({ config, db, clock: systemClock, ids, random: randomBytes }, input)
}

function lockStopped(stateDir: string): Disposable {
  try {
    return lockStateDir(stateDir)
  } catch {
    throw new Error(`a server is running on ${stateDir}; stop it first, then run this again`)
  }
}
