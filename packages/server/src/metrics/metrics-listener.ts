import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Context } from '../context.ts'
import type { PrometheusMetrics } from './prometheus-metrics.ts'
import type { GaugeSources } from './read-gauges.ts'

export interface MetricsListener extends AsyncDisposable {
  readonly url: string
}

/** Serves /metrics and nothing else, without a token: the address is what protects it. */
export async function listenForScrapes(
  ctx: GaugeSources & Pick<Context, 'room' | 'logger'>,
  metrics: PrometheusMetrics,
  address: { readonly host: string; readonly port: number },
): Promise<MetricsListener> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end()
    if (request.method !== 'GET') return void response.writeHead(405, { allow: 'GET' }).end()
    metrics.scrape(ctx).then(
      ({ text, type }) => response.writeHead(200, { 'content-type': type }).end(text),
      (error: unknown) => {
        ctx.logger.error({ err: error }, 'metrics could not be read')
        response.writeHead(503).end()
      },
    )
  })
  server.listen(address.port, address.host)
  await once(server, 'listening')
  const { family, address: host, port } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${host}]` : host}:${port}/metrics`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
