import type { Context } from './context.ts'
import { expireLeases } from './executions/expire-leases.ts'
import { purgeAnswers } from './idempotency/idempotency.ts'
import { flushLastUse } from './identity/last-use.ts'
import { expireRequests } from './requests/expire-requests.ts'
import { expireResults } from './results/expire-results.ts'

const EVERY_MS = 1000

/** Everything that time alone does. Reads first: where nothing is due, nothing is written. */
export async function sweep(ctx: Context): Promise<void> {
  await expireLeases(ctx)
  await expireRequests(ctx)
  await expireResults(ctx)
  await purgeAnswers(ctx)
  await flushLastUse(ctx)
}

/** Sweeps every second. The returned function stops it and waits for the sweep under way. */
export function startSweeper(ctx: Context): () => Promise<void> {
  let stopped = false
  let underWay: Promise<void> = Promise.resolve()
  let callOff = () => {}
  const schedule = () => {
    callOff = ctx.clock.timer(EVERY_MS, () => {
      underWay = sweep(ctx)
        .catch((error) => ctx.logger.error({ err: error }, 'a sweep failed; the next one tries again'))
        .finally(() => {
          if (!stopped) schedule()
        })
    })
  }
  schedule()
  return async () => {
    stopped = true
    callOff()
    await underWay
  }
}
