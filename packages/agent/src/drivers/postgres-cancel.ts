import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'

export interface CancelTarget {
  /** The address of the connection itself: a name might resolve to another server by now. */
  address: { host: string; port: number } | { path: string }
  hostName: string
  tls: ConnectionOptions | undefined
  processId: number
  secretKey: number
}

const CANCEL_REQUEST_CODE = 80_877_102
const SSL_REQUEST_CODE = 80_877_103

/**
 * Asks the server to cancel what a connection is running. Resolves once the server has closed this second
 * connection, which it does after it has signalled: a cancel cannot hit the statement after the one it is for.
 * Resolves too when the server cannot be reached; whoever asks sees whether the statement ends.
 */
export async function sendCancelRequest(target: CancelTarget, timeoutMs: number): Promise<void> {
  const socket = connect(target.address)
  const abort = new AbortController()
  const closed = once(socket, 'close').catch(() => {})
  socket.on('error', () => {})
  deliver(socket, target).catch(() => socket.destroy())
  try {
    await Promise.race([closed, sleep(timeoutMs, undefined, { signal: abort.signal, ref: false })])
  } finally {
    abort.abort()
    socket.destroy()
  }
}

async function deliver(socket: Socket, target: CancelTarget): Promise<void> {
  const request = integers(16, CANCEL_REQUEST_CODE, target.processId, target.secretKey)
  await once(socket, 'connect')
  if (target.tls === undefined) {
    socket.end(request)
    socket.resume()
    return
  }
  socket.write(integers(8, SSL_REQUEST_CODE))
  const [answer] = await once(socket, 'data')
  if (String(answer) !== 'S') throw new Error('The server no longer offers TLS.')
  const servername = isIP(target.hostName) === 0 ? { servername: target.hostName } : {}
  const secure = connectTls({ ...target.tls, socket, host: target.hostName, ...servername })
  secure.on('error', () => socket.destroy())
  await once(secure, 'secureConnect')
  secure.end(request)
  secure.resume()
}

function integers(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) buffer.writeInt32BE(value, index * 4)
  return buffer
}
