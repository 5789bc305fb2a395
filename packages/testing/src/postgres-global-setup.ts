import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { TestProject } from 'vitest/node'
import { type PostgresServer, startPostgres } from './postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where a test asks for the run's PostgreSQL: see `sharedPostgres`. */
    postgresBroker: string
  }
}

/**
 * One PostgreSQL for the whole run, started when the first test asks for it: a run without database tests pays
 * nothing. Tests live in other processes, so they ask over loopback, at a path nobody else can guess.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<PostgresServer> | undefined
  const path = `/${randomBytes(16).toString('hex')}`
  const broker = createServer(async (request, response) => {
    if (request.url !== path) return response.writeHead(404).end()
    starting ??= startPostgres()
    try {
      const { url, logFile } = await starting
      response.end(JSON.stringify({ url, logFile }))
    } catch (error) {
      response.writeHead(500).end(error instanceof Error ? error.message : String(error))
    }
  })
  broker.listen(0, '127.0.0.1')
  await once(broker, 'listening')
  const address = broker.address()
  if (address === null || typeof address === 'string') throw new Error('No free port on 127.0.0.1.')
  project.provide('postgresBroker', `http://127.0.0.1:${address.port}${path}`)

  return async () => {
    broker.closeAllConnections()
    broker.close()
    await starting?.then((server) => server.stop()).catch(() => {})
  }
}
