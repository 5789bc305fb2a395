import { isAbsolute, join } from 'node:path'
import type { Io } from '../io.ts'

type Place = Pick<Io, 'env' | 'home'>

export function configPath(io: Place): string {
  return join(xdg(io, 'XDG_CONFIG_HOME', '.config'), 'twinlock', 'config.toml')
}

export function auditHeadsPath(io: Place): string {
  return join(xdg(io, 'XDG_STATE_HOME', '.local/state'), 'twinlock', 'audit-heads.json')
}

/** The XDG specification tells programs to ignore relative paths in these variables. */
function xdg(io: Place, name: string, fallback: string): string {
  const set = io.env[name]
  return set && isAbsolute(set) ? set : join(io.home, fallback)
}
