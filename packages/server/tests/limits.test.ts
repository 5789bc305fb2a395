import { api } from '@twinlock/contract'
import { parseWorkOrder } from '@twinlock/evidence'
import { startTestServer, submit, type TestServer } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'
import { createHoldingClock, createManualAgent, refusal, type SUCCEEDED } from './fixtures/manual-agent.ts'

const config = (limits: string, workflow: string) => `
[limits]
${limits}
[[databases]]
name = "app"
environments = ["development"]
dialect = "postgresql"
[[workflows]]
database = "*"
environment = "*"
auto_approve = "always"
${workflow}
`

async function orderOf(server: TestServer) {
  await submit(server.admin.client, 'select 1', 'app/development', { start: 'on_approval' })
  const agent = createManualAgent(server, server.agentToken, 'dev-1', ['app/development'])
  const [lease] = await agent.poll()
  const order = parseWorkOrder(lease?.work_order ?? '')
  if (!order.ok) throw new Error(order.detail)
  return order.payload
}

describe('limits of the configuration', () => {
  it('are frozen into the work order and shown to reviewers', async () => {
    const text = config('statement_timeout = "2m"\nmax_rows = 70', '[workflows.limits]\nmax_rows = 7')
    await using server = await startTestServer({ config: text })
    const limits = { statement_timeout_ms: 120_000, lock_timeout_ms: 5000, max_rows: 7 }
    expect((await orderOf(server)).limits).toMatchObject({ ...limits, max_affected_rows: null })
    expect((await submit(server.admin.client, 'select 1', 'app/development')).limits).toMatchObject(limits)
  })

  it('are part of the policy that a work order names', async () => {
    const digests = new Set<string>()
    for (const [limits, workflow] of [
      ['', ''],
      ['max_rows = 1', ''],
      ['', 'max_executions = 2'],
      ['', 'execution_window = "1h"'],
    ] as const) {
      await using server = await startTestServer({ config: config(limits, workflow) })
      digests.add((await orderOf(server)).policy_digest)
    }
    expect(digests.size).toBe(4)
  })

  it('of a request stay what they were when it was made', async () => {
    await using first = await startTestServer({ config: config('max_rows = 7', '') })
    const { id } = await submit(first.admin.client, 'select 1', 'app/development')
    await first.server[Symbol.asyncDispose]()
    await using second = await startTestServer({ config: config('max_rows = 9', ''), stateDir: first.stateDir })
    const request = await second.admin.client.call(api.requests.get, { params: { id } })
    expect(request.limits.max_rows).toBe(7)
  })
})

describe('a workflow that allows several executions', () => {
  const several = config('', 'max_executions = 2\nexecution_window = "1h"\napproval_ttl = "1d"')

  async function start() {
    const clock = createHoldingClock()
    const server = await startTestServer({ config: several, overrides: { clock } })
    const { client } = server.admin
    const { id } = await submit(client, 'select 1', 'app/development')
    const agent = createManualAgent(server, server.agentToken, 'dev-1', ['app/development'])
    return {
      clock,
      server,
      show: () => client.call(api.requests.get, { params: { id } }),
      execute: () => client.call(api.requests.execute, { params: { id }, body: {} }),
      async run(change: Partial<typeof SUCCEEDED> = {}) {
        await client.call(api.requests.execute, { params: { id }, body: {} })
        const [lease] = await agent.poll()
        if (!lease) throw new Error('the agent got nothing')
        await agent.start(lease)
        await agent.report(lease, change)
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
  }

  it('lets the requester run it that often, and is completed then', async () => {
    await using setup = await start()
    expect(await setup.show()).toMatchObject({ status: 'approved', executions_left: 2 })
    await setup.run()
    expect(await setup.show()).toMatchObject({ status: 'approved', executions_left: 1 })
    await setup.run()
    expect(await setup.show()).toMatchObject({ status: 'completed', executions_left: 0 })
    expect(await refusal(setup.execute())).toMatchObject({ code: 'no_executions_left' })
  })

  it('ends with the window that the first start opened', async () => {
    await using setup = await start()
    await setup.run()
    setup.clock.advance(3_600_000)
    expect(await refusal(setup.execute())).toMatchObject({ code: 'approval_expired' })
  })
})
