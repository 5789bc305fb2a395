import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { TransportOptions } from '@twinlock/contract/transport'
import { readCertificates, readProxy } from '@twinlock/contract/transport-settings'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { configPath } from './paths.ts'

/** Whom to trust and which way to take to a server. A project's file has no say in it. */
export function readNetwork(
  io: Pick<Io, 'env' | 'cwd' | 'home'>,
  given: { readonly flag?: string | undefined; readonly entry?: string | undefined } = {},
): TransportOptions {
  const caFile = caFileOf(io, given)
  const ca = caFile && readCertificates(caFile.path, (path) => readFileSync(path, 'utf8'))
  if (ca && !ca.ok)
    throw new CliError(
      'config_invalid',
      `${caFile.name}: ${ca.why}.`,
      'It is the certificate of the authority that signed the server.',
    )
  const proxy = readProxy(io.env)
  if (!proxy.ok) throw new CliError('config_invalid', `${proxy.why}.`)
  return { ...(ca ? { ca: ca.value } : {}), ...(proxy.value ? { proxy: proxy.value } : {}) }
}

function caFileOf(
  io: Pick<Io, 'env' | 'cwd' | 'home'>,
  { flag, entry }: { readonly flag?: string | undefined; readonly entry?: string | undefined },
): { readonly name: string; readonly path: string } | undefined {
  if (flag !== undefined) return { name: '--ca-file', path: resolve(io.cwd, flag) }
  const fromEnv = io.env.TWINLOCK_CA_FILE || undefined
  if (fromEnv !== undefined) return { name: 'TWINLOCK_CA_FILE', path: resolve(io.cwd, fromEnv) }
  if (entry === undefined) return undefined
  const config = configPath(io)
  return { name: `ca_file in ${config}`, path: resolve(dirname(config), entry) }
}
