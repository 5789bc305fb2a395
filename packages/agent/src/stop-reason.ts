import { DriverError } from './drivers/driver.ts'

/** Why an execution is to end before its statements do. The first reason is the one that is reported. */
export interface StopReason {
  readonly code: 'cancelled' | 'agent_stopping'
  readonly message: string
}

/** For the signal that tells an execution to stop; it carries a StopReason. */
export function stopReason(stop: AbortSignal): StopReason | undefined {
  return stop.aborted ? (stop.reason as StopReason) : undefined
}

export function throwIfStopped(stop: AbortSignal): void {
  const reason = stopReason(stop)
  if (reason) throw new DriverError('cancelled', reason.message)
}

/** Runs `act` when the signal is aborted, at once if it is already; not any more once disposed of. */
export function whenStopped(stop: AbortSignal, act: (reason: StopReason) => void): Disposable {
  const listener = () => act(stop.reason as StopReason)
  if (stop.aborted) listener()
  else stop.addEventListener('abort', listener, { once: true })
  return { [Symbol.dispose]: () => stop.removeEventListener('abort', listener) }
}
