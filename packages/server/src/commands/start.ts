import pino from 'pino'
import type { ServerConfig } from '../config.ts'
import { createServer } from '../server.ts'
import { VERSION } from '../version.ts'
import type { Command, Configured, Host } from './command.ts'

export const start: Command = {
  name: 'start',
  summary: 'run the server until SIGTERM or SIGINT; the default',
  example: 'twinlock-server --config twinlock-server.toml',
  run: startServer,
}

async function startServer(host: Host, { config, secrets }: Configured): Promise<number> {
  host.keepFilesPrivate()
  const logger = pino({ level: config.logLevel })
  const stop = Promise.withResolvers<string>()
  let signals = 0
  host.onStopSignal((signal) => {
    stop.resolve(signal)
    signals += 1
    // What was answered is on the disk; what was not is for the next start to find as a crash would leave it.
    if (signals > 1) host.endNow(1)
  })
  try {
    await using server = await createServer(config, secrets, { logger })
    const url = await server.listen()
    logger.info({ url, metrics_url: server.metricsUrl, version: VERSION, server_id: server.ctx.serverId }, 'listening')
    for (const tokenFile of server.bootstrapFiles) host.printError(`first start: wrote ${tokenFile}`)
    const signal = await stop.promise
    logger.info({ signal }, 'stopping')
    await server.drain()
  } catch (error) {
    host.printError(`the server could not start: ${explain(error as NodeJS.ErrnoException, config)}`)
    return 1
  }
  return 0
}

function explain(error: NodeJS.ErrnoException, config: ServerConfig): string {
  const { host, port } = config.listen
  if (error.code === 'EADDRINUSE') return `${host}:${port} is in use; stop what listens there, or set another listen`
  if (error.code === 'EACCES') return `no access to ${error.path ?? `${host}:${port}`}`
  // SQLITE_NOTADB, SQLITE_CORRUPT
  if ('errcode' in error && (error.errcode === 26 || error.errcode === 11))
    return `${config.stateDir}/twinlock.db is damaged (${error.message}); restore state_dir from a backup`
  return error.message
}
