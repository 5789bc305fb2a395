import { keyFingerprint } from '@twinlock/evidence'
import type { Logger } from 'pino'
import { backoffDelay, sleep } from './backoff.ts'
import { describeFailure } from './retry.ts'
import { chooseKey, type PinnedServer, type ServerPin } from './server-key.ts'
import type { ServerLink } from './server-link.ts'

const ATTEMPT_MS = 10_000

/** The pinned server, fetched once and remembered; waits for a key that fits, and leases nothing before. Undefined when the signal is aborted. */
export async function acquireServerKey(
  pin: ServerPin,
  link: Pick<ServerLink, 'keys'>,
  pinnedFingerprint: string | null,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<PinnedServer | undefined> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    if (pin.pinned) return pin.pinned
    try {
      const shown = await link.keys(AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]))
      const choice = chooseKey(shown, pinnedFingerprint)
      if (choice.ok) {
        if (choice.firstUse)
          log.warn(
            { fingerprint: keyFingerprint(choice.key) },
            "the token carries no fingerprint: this server key is trusted from now on because it was the first seen; compare it with the server's",
          )
        await pin.rememberKey(choice.key)
        continue
      }
      if (attempt === 0 || attempt % 20 === 0)
        log.error({ why: choice.why, remedy: choice.remedy }, 'the server cannot be trusted; nothing is leased')
    } catch (error) {
      if (attempt === 0 && !signal.aborted)
        log.error(describeFailure(error), "the server's key cannot be fetched; trying again")
    }
    await sleep(backoffDelay(attempt, Math.random()), signal)
  }
  return undefined
}
