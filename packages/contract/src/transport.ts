import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

export interface TransportOptions {
  /** PEM: the only authorities that may vouch for the server. Without it, those that the machine trusts. */
  readonly ca?: string
  /** For `https:` alone: plain HTTP would show the token to the proxy. */
  readonly proxy?: ProxySettings
}

export interface ProxySettings {
  readonly url: string
  /** `NO_PROXY`, as it was given. */
  readonly except?: string
}

export interface TransportRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly signal?: AbortSignal
  /** Called once the request is on its way. */
  readonly onSent?: () => void
}

export interface TransportAnswer {
  readonly status: number
  /** The answer's Date, as it came. */
  readonly date?: string | undefined
  /** Throws when it breaks off; with the signal's reason when that was why. */
  readonly body: AsyncIterable<Uint8Array>
}

/** How bytes get to the server. Redirects are failures: they would carry the token to wherever they point. */
export type Transport = (url: URL, request: TransportRequest) => Promise<TransportAnswer>

const CONNECT_WITHIN_MS = 10_000
/** Longer than any long poll; a stream says something every 15 seconds. */
const SILENT_FOR_MS = 300_000
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

/** Trust and proxy hold for this transport alone: nothing in the process but these calls is changed by them. */
export function createTransport(options: TransportOptions = {}): Transport {
  const ways = new Map<string, HttpModule>()
  const wayTo = (url: URL): HttpModule => {
    const secured = url.protocol === 'https:'
    const proxy = secured && !isLoopback(url.hostname) ? options.proxy : undefined
    const key = `${url.protocol}${proxy ? 'proxy' : ''}`
    const way = ways.get(key) ?? (secured ? secure(options.ca, proxy) : plain())
    ways.set(key, way)
    return way
  }
  return async (url, request) => {
    request.signal?.throwIfAborted()
    const { open, agent } = wayTo(url)
    const response = await exchange(open(url, { method: request.method, headers: request.headers, agent }), request)
    const status = response.statusCode ?? 0
    if (REDIRECTS.includes(status)) {
      response.destroy()
      throw new Error(`it answers with a redirect (${status}), and following one would carry the token elsewhere`)
    }
    return { status, date: response.headers.date, body: bytesOf(response, request.signal) }
  }
}

interface HttpModule {
  readonly open: (
    url: URL,
    options: { method: string; headers: Readonly<Record<string, string>>; agent: Agent },
  ) => ClientRequest
  readonly agent: Agent
}

/**
 * Each is loaded when it is needed, and not by `import`: that reads every export of node:http, which loads all of fetch
 * and takes longer than a short query.
 */
function plain(): HttpModule {
  const { Agent, request } = process.getBuiltinModule('node:http')
  return { open: request, agent: new Agent({ keepAlive: true }) }
}

function secure(ca: string | undefined, proxy?: ProxySettings): HttpModule {
  const { Agent, request } = process.getBuiltinModule('node:https')
  const agent = new Agent({
    keepAlive: true,
    // Named, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch it off.
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(proxy === undefined ? {} : { proxyEnv: { HTTPS_PROXY: proxy.url, NO_PROXY: proxy.except } }),
  })
  return { open: request, agent }
}

/** Sends the request and gives the head of its answer. */
function exchange(sent: ClientRequest, { body, signal, onSent }: TransportRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const connecting = setTimeout(
      () => sent.destroy(new Error(`no connection within ${CONNECT_WITHIN_MS / 1000} s`)),
      CONNECT_WITHIN_MS,
    )
    const connected = () => clearTimeout(connecting)
    const abort = () => sent.destroy()
    signal?.addEventListener('abort', abort, { once: true })
    sent.once('socket', (socket) => (socket.connecting ? socket.once('connect', connected) : connected()))
    sent.setTimeout(SILENT_FOR_MS, () => sent.destroy(new Error(`silent for ${SILENT_FOR_MS / 60_000} minutes`)))
    if (onSent) sent.once('finish', onSent)
    sent.once('response', (response) => {
      connected()
      // An abort from here on is for the body: destroying the request breaks that off as well.
      response.once('close', () => signal?.removeEventListener('abort', abort))
      resolve(response)
    })
    // Stays: what happens to the connection after the answer shows in the body.
    sent.on('error', (error) => {
      connected()
      signal?.removeEventListener('abort', abort)
      reject(signal?.aborted ? signal.reason : error)
    })
    sent.end(body)
  })
}

async function* bytesOf(response: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    for await (const part of response) yield part as Uint8Array
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  }
}

/** As browsers and other tools do: no proxy is asked for the way to this machine itself. */
function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    (isIP(host) === 4 && host.startsWith('127.'))
  )
}
