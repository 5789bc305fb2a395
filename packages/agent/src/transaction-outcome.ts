import { backoffDelay, sleep } from './backoff.ts'
import type { TargetDriver, TransactionRef, TransactionStatus } from './drivers/driver.ts'

/** Asks the database what became of a transaction, again while it cannot be reached or has not decided; `in_progress` when the time is over. */
export async function askTransaction(
  driver: TargetDriver,
  ref: TransactionRef,
  options: { readonly signal: AbortSignal; readonly withinMs: number },
): Promise<TransactionStatus> {
  const { signal, withinMs } = options
  const startedAt = performance.now()
  for (let attempt = 0; ; attempt++) {
    const status = await driver.transactionStatus(ref).catch((): TransactionStatus => 'in_progress')
    if (status !== 'in_progress') return status
    if (signal.aborted || performance.now() - startedAt >= withinMs) return 'in_progress'
    await sleep(backoffDelay(attempt, Math.random()), signal)
  }
}
