import type { Io } from '../io.ts'

/** The next key as the terminal sends it, without Enter; undefined once the signal is aborted. Ctrl-C is `\u0003`. */
export async function readKey(io: Pick<Io, 'stdin'>, signal: AbortSignal): Promise<string | undefined> {
  if (signal.aborted) return undefined
  const { stdin } = io
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const take = (data: Buffer | string) => resolve(String(data))
  const end = () => resolve(undefined)
  stdin.setRawMode?.(true)
  stdin.on('data', take).once('end', end)
  signal.addEventListener('abort', end, { once: true })
  stdin.resume()
  try {
    return await promise
  } finally {
    stdin.off('data', take).off('end', end)
    signal.removeEventListener('abort', end)
    stdin.pause()
    stdin.setRawMode?.(false)
  }
}
