import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { api } from '@twinlock/contract'
import { verifyChain } from '@twinlock/evidence'
import { readAuditRecords, type ServerProcess, startServerProcess, submit } from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createManualAgent, type Held, type ManualAgent, refusal } from './fixtures/manual-agent.ts'

const CONFIG = `
[[databases]]
name = "app"
environments = ["development"]
dialect = "postgresql"
[[workflows]]
database = "app"
environment = "development"
auto_approve = "always"
`

let server: ServerProcess
let agent: ManualAgent
beforeEach(async () => {
  server = await startServerProcess({ config: CONFIG })
  agent = createManualAgent(server, server.agentToken, 'agent-1', ['app/development'])
})
afterEach(() => server[Symbol.asyncDispose]())

/** From here on the system takes no more bytes into any file of the server, as a quota of its account would not. */
const fill = () => limitFiles('1:')
const makeRoom = () => limitFiles('unlimited:')

function limitFiles(bytes: string): void {
  execFileSync('prlimit', ['--pid', String(server.process.pid), `--fsize=${bytes}`])
}

async function running(): Promise<Held> {
  const { id } = await submit(server.admin.client, 'select 1', 'app/development')
  await server.admin.client.call(api.requests.execute, { params: { id }, body: {} })
  const [lease] = await agent.poll()
  if (!lease) throw new Error('nothing was leased')
  await agent.start(lease)
  return lease
}

const statusOf = async (path: string) => (await fetch(server.url + path)).status

/** Readiness is tried again once a second. */
async function untilReady(): Promise<void> {
  for (let n = 0; n < 100; n++) {
    if ((await statusOf('/ready')) === 200) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the server did not become ready again')
}

describe.runIf(process.platform === 'linux')('a server whose files cannot grow', () => {
  it('refuses what it cannot store, says that it is not ready, lives, and goes on when there is room', async () => {
    const lease = await running()
    await agent.chunk(lease, 0, 'kept\n')
    const before = await submit(server.admin.client, 'select 1', 'app/development')
    fill()
    expect(await refusal(submit(server.admin.client, 'select 2', 'app/development'))).toMatchObject({
      code: 'storage_full',
      errorId: expect.stringMatching(/^err_/),
    })
    expect(await refusal(agent.chunk(lease, 1, 'refused\n'))).toMatchObject({ code: 'storage_full' })
    expect(await refusal(agent.report(lease, { chunks: 1 }))).toMatchObject({ code: 'storage_full' })
    expect([await statusOf('/ready'), await statusOf('/health')]).toEqual([503, 200])
    // What was there can still be read.
    expect(await server.admin.client.call(api.requests.get, { params: { id: before.id } })).toMatchObject({
      id: before.id,
    })
    expect(readdirSync(join(server.stateDir, 'results', lease.execution_id))).toEqual(['0.chunk'])

    makeRoom()
    await untilReady()
    await agent.report(lease, { chunks: 2, result_discarded: 'storage_full' })
    const { number } = await submit(server.admin.client, 'select 3', 'app/development')
    // The number of the one that was refused was never given away.
    expect(number).toBe(before.number + 1)
    expect(await server.admin.client.call(api.executions.get, { params: { id: lease.execution_id } })).toMatchObject({
      status: 'succeeded',
      result: 'discarded',
      result_reason: 'storage_full',
    })
    expect(await verifyChain(await readAuditRecords(server))).toMatchObject({ ok: true })
  })

  it('still keeps an outcome whose small result has no room', async () => {
    const lease = await running()
    fill()
    expect(await refusal(agent.report(lease, { chunks: 1, inline_result: 'x\n' }))).toMatchObject({
      code: 'storage_full',
    })
    makeRoom()
    await agent.report(lease, { chunks: 1, inline_result: 'x\n' })
    expect(await server.admin.client.call(api.executions.get, { params: { id: lease.execution_id } })).toMatchObject({
      status: 'succeeded',
      result: 'complete',
    })
  })
})
