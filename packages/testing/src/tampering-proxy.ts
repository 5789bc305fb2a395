import { once } from 'node:events'
import { createServer, type IncomingMessage, request as sendRequest } from 'node:http'

/** A JSON body on its way; a hook may change it in place, put another in its place, or cut the connection. */
export interface Passing {
  readonly method: string
  readonly path: string
  // biome-ignore lint/suspicious/noExplicitAny: the attacker is not bound by our types
  body: any
  /** Of an answer. */
  status?: number
}

export interface Hooks {
  /** Before the body goes to the server, which waits for a promise. */
  request?: (passing: Passing) => void | Promise<void>
  /** Before the answer goes back; `cut` closes the connection instead, after the server has done its work. */
  response?: (passing: Passing) => 'cut' | undefined
}

export interface TamperingProxy extends AsyncDisposable {
  readonly url: string
  hooks: Hooks
}

/** Somebody between client and server who reads and changes what passes. */
export async function startTamperingProxy(serverUrl: string, hooks: Hooks = {}): Promise<TamperingProxy> {
  const proxy: { hooks: Hooks } = { hooks }
  const server = createServer(async (incoming, outgoing) => {
    const path = incoming.url ?? '/'
    const method = incoming.method ?? 'GET'
    const passing = { method, path, body: parse(await readAll(incoming)) }
    await proxy.hooks.request?.(passing)
    const { 'content-length': _sent, 'transfer-encoding': _chunked, ...requestHeaders } = incoming.headers
    const upstream = sendRequest(new URL(path, serverUrl), { method, headers: requestHeaders })
    outgoing.once('close', () => upstream.destroy())
    upstream.on('error', () => incoming.socket.destroy())
    upstream.on('response', async (answer) => {
      const back: Passing = {
        method,
        path,
        status: answer.statusCode ?? 502,
        body: parse(await readAll(answer).catch(() => Buffer.alloc(0))),
      }
      if (proxy.hooks.response?.(back) === 'cut') return incoming.socket.destroy()
      const {
        'content-length': _length,
        'transfer-encoding': _encoding,
        connection: _connection,
        ...headers
      } = answer.headers
      outgoing.writeHead(back.status ?? 502, headers).end(serialise(back.body))
    })
    upstream.end(serialise(passing.body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1')
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of message) parts.push(part)
  return Buffer.concat(parts)
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return bytes
  }
}

function serialise(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
}
