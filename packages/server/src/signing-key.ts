import { join } from 'node:path'
import { generateSigningKey, readSigningKey, type SigningKey, signingKeyToPem } from '@twinlock/evidence'
import type { ServerConfig, ServerSecrets } from './config.ts'
import { readSecretFile, writeSecretFile } from './secret-files.ts'

/**
 * The key that orders are signed with: the configured one, the one in `state_dir`, or, at the very first start, a new one.
 * `recorded` is the fingerprint this installation has signed with: a key that is missing now was lost, and a new one in its
 * place would be refused by every agent.
 */
export function loadSigningKey(
  config: Pick<ServerConfig, 'stateDir'>,
  secrets: ServerSecrets,
  recorded: string | undefined,
): SigningKey {
  if (secrets.signingKeyPem !== undefined) return parseKey(secrets.signingKeyPem, 'signing_key')
  const file = join(config.stateDir, 'signing-key.pem')
  const stored = readSecretFile(file)
  if (stored !== undefined) return parseKey(stored, file)
  if (recorded !== undefined)
    throw new Error(
      `${file} is missing; restore it from a backup, or, to go on with another key that agents must be told of, put one there: openssl genpkey -algorithm ed25519 -out ${file} && chmod 600 ${file}`,
    )
  const key = generateSigningKey()
  writeSecretFile(file, signingKeyToPem(key).trim())
  return key
}

/** Throws, without a word of the key, when it is not one. */
export function parseKey(pem: string, where: string): SigningKey {
  try {
    return readSigningKey(pem)
  } catch {
    throw new Error(`${where} does not hold an Ed25519 private key in PEM form (PKCS #8); restore it from a backup`)
  }
}
