import { join } from 'node:path'
import { generateSigningKey, readSigningKey, type SigningKey, signingKeyToPem } from '@twinlock/evidence'
import type { ServerConfig, ServerSecrets } from './config.ts'
import { readSecretFile, writeSecretFile } from './secret-files.ts'

/** The key that orders are signed with: the configured one, the one in `state_dir`, or, at the very first start, a new one. */
export function loadSigningKey(config: Pick<ServerConfig, 'stateDir'>, secrets: ServerSecrets): SigningKey {
  if (secrets.signingKeyPem !== undefined) return parseKey(secrets.signingKeyPem, 'signing_key')
  const file = join(config.stateDir, 'signing-key.pem')
  const stored = readSecretFile(file)
  if (stored !== undefined) return parseKey(stored, file)
  const key = generateSigningKey()
  writeSecretFile(file, signingKeyToPem(key).trim())
  return key
}

function parseKey(pem: string, where: string): SigningKey {
  try {
    return readSigningKey(pem)
  } catch {
    throw new Error(`${where} does not hold an Ed25519 private key in PEM form (PKCS #8); restore it from a backup`)
  }
}
