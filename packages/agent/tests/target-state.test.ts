import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createTestDatabase } from '@twinlock/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from './fixtures/eventually.ts'
import { type RunningAgent, startRunningAgent } from './fixtures/running-agent.ts'

let blackHole: Server
let swallowed: Socket[]
beforeEach(async () => {
  swallowed = []
  blackHole = createServer((socket) => void swallowed.push(socket.resume())).listen(0, '127.0.0.1')
  await once(blackHole, 'listening')
})
afterEach(() => {
  for (const socket of swallowed) socket.destroy()
  blackHole.close()
})

const hole = () => `127.0.0.1:${(blackHole.address() as { port: number }).port}`
function lastStates(running: RunningAgent) {
  const targets = running.server.called('poll').at(-1)?.body.targets ?? []
  return Object.fromEntries((targets as { database: string; state: unknown }[]).map((one) => [one.database, one.state]))
}

test('a database that never answers and one that refuses connections stop neither the start nor another target', async () => {
  await using running = await startRunningAgent({
    setup: {
      extra: `[databases.hole.production]\nurl = "postgres://app:hunter2@${hole()}/app"
        [databases.gone.production]\nurl = "postgres://app:hunter2@127.0.0.1:1/app"`,
    },
  })
  expect(await running.server.outcome(running.run('select 1'))).toMatchObject({ status: 'succeeded' })
  await running.server.outcome(running.run('select 2'))
  expect(lastStates(running)).toEqual({
    app: { status: 'ok', server_version: expect.stringMatching(/^\d+/), code: null },
    hole: { status: 'unknown', server_version: null, code: null },
    gone: { status: 'unreachable', server_version: null, code: 'connection_failed' },
  })
  expect(running.log()).toMatch(/"target":"gone\/production".*ECONNREFUSED.*the database cannot be reached/)
  expect(running.log()).not.toContain('hunter2')
})

test('each poll tells the time of the agent', async () => {
  await using running = await startRunningAgent()
  await running.server.outcome(running.run('select 1'))
  const time = String(running.server.called('poll').at(-1)?.body.time)
  expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000)
})

test('a database that comes back is seen to, and said once', async () => {
  await using database = await createTestDatabase()
  const name = `${database.name}_later`
  const url = database.url.replace(database.name, name)
  await using running = await startRunningAgent({ setup: { databaseUrl: url }, overrides: { watchTargetsMs: 50 } })
  await eventually(() => running.log()).toContain('the database cannot be reached')
  await database.query(`create database ${name}`)
  try {
    await eventually(() => running.log()).toContain('the database answers')
    await running.server.outcome(running.run('select 1'))
    await running.server.outcome(running.run('select 1'))
    expect(lastStates(running)).toMatchObject({ app: { status: 'ok' } })
    expect(running.log().match(/the database answers/g)).toHaveLength(1)
    expect(running.log().match(/the database cannot be reached/g)).toHaveLength(1)
  } finally {
    await running.agent.stop()
    await database.query(`drop database ${name} with (force)`)
  }
})

test('an execution that cannot connect makes the agent look at its target', async () => {
  await using database = await createTestDatabase()
  const clone = await database.clone()
  await using running = await startRunningAgent({ setup: { databaseUrl: clone.url } })
  await eventually(() => running.log()).toContain('the database answers')
  await clone.drop()
  expect(await running.server.outcome(running.run('select 1'))).toMatchObject({
    effect: 'none',
    error: { code: 'connection_failed' },
  })
  await eventually(() => running.log()).toContain('the database cannot be reached')
})

test('the log says once that the server is there, when it is lost, and when it is back', async () => {
  await using running = await startRunningAgent()
  await eventually(() => running.log()).toContain('"msg":"in touch with the server"')
  running.server.fault = ({ name }) => (name === 'poll' ? 'cut' : undefined)
  await eventually(() => running.log()).toContain('the server cannot be asked for work')
  await eventually(() => running.server.called('poll').length).toBeGreaterThan(3)
  running.server.fault = () => undefined
  await eventually(() => running.log()).toContain('"msg":"in touch with the server again"')
  await running.server.outcome(running.run('select 1'))
  expect(running.log().match(/"msg":"(in touch|the server cannot)/g)).toHaveLength(3)
})
