import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

export interface ConnectProxy extends AsyncDisposable {
  /** `http://127.0.0.1:…` */
  readonly url: string
  /** What was asked of it: `CONNECT twinlock.test:443`. */
  readonly asked: readonly string[]
  /** Every byte that clients sent it, tunnels included. */
  seen(): string
}

/** An HTTP proxy with a name service of its own: every host is a port of this machine. */
export async function startConnectProxy(
  hosts: Readonly<Record<string, number>>,
  options: { readonly credentials?: string } = {},
): Promise<ConnectProxy> {
  const asked: string[] = []
  const seen: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(502).end()
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
  })
  server.on('connect', (request, client: Socket, head: Buffer) => {
    asked.push(`CONNECT ${request.url}`)
    seen.push(Buffer.from(JSON.stringify(request.rawHeaders)), head)
    const wanted = options.credentials && `Basic ${Buffer.from(options.credentials).toString('base64')}`
    const port = hosts[request.url?.split(':')[0] ?? '']
    if (wanted && request.headers['proxy-authorization'] !== wanted)
      return client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    if (port === undefined) return client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    const target = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      target.write(head)
      target.pipe(client)
      client.on('data', (bytes) => {
        seen.push(bytes)
        target.write(bytes)
      })
    })
    target.on('error', () => client.destroy()).once('close', () => client.destroy())
    client.once('close', () => target.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    seen: () => Buffer.concat(seen).toString('latin1'),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
