import { HEARTBEAT_MS, type Lease } from '@twinlock/contract'
import type { Logger } from 'pino'
import { sleep } from './backoff.ts'
import { describeFailure } from './retry.ts'
import type { ServerLink } from './server-link.ts'

/** Keeps a lease for as long as it is not disposed of. A heartbeat that is lost or refused never touches the work. */
export function startHeartbeat(
  link: Pick<ServerLink, 'heartbeat'>,
  lease: Lease,
  log: Logger,
  everyMs = HEARTBEAT_MS,
): Disposable {
  const stopped = new AbortController()
  async function beat(): Promise<void> {
    for (;;) {
      await sleep(everyMs, stopped.signal)
      if (stopped.signal.aborted) return
      try {
        await link.heartbeat(lease, AbortSignal.any([stopped.signal, AbortSignal.timeout(everyMs)]))
      } catch (error) {
        if (!stopped.signal.aborted) log.warn(describeFailure(error), 'a heartbeat was lost; the work goes on')
      }
    }
  }
  void beat()
  return { [Symbol.dispose]: () => stopped.abort() }
}
