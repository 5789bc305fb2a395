import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Certificate } from './certificates.ts'

export interface TlsFront extends AsyncDisposable {
  readonly port: number
}

/** Ends TLS in front of a server, as a load balancer does. */
export async function startTlsFront(serverUrl: string, { certificate, key }: Certificate): Promise<TlsFront> {
  const sockets = new Set<Socket>()
  const server = createServer({ cert: certificate, key }, (incoming) => {
    const outgoing = connect(Number(new URL(serverUrl).port), '127.0.0.1')
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket)
      socket
        .on('error', () => {})
        .once('close', () => {
          sockets.delete(socket)
          incoming.destroy()
          outgoing.destroy()
        })
    }
    incoming.pipe(outgoing).pipe(incoming)
  })
  // A client that does not trust the certificate goes away in the middle of the handshake.
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
