import { api, type ExecutionStatus, LEASE_MS, START_WITHIN_MS } from '@twinlock/contract'
import { sweep } from '@twinlock/server'
import { createShiftedClock, readAuditBodies, startTestStack, submit, type TestStack } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'

const SCHEMA = 'create table touched (n int)'
const WRITE = 'insert into touched values (1)'

/** A stack whose server can be told that time has passed. */
async function startStack(killPoint?: string) {
  const clock = createShiftedClock()
  const stack = await startTestStack({
    schema: SCHEMA,
    server: { overrides: { clock } },
    ...(killPoint ? { agent: { killPoint } } : {}),
  })
  const pass = async (ms: number) => {
    clock.shift(ms)
    await sweep(stack.server.server.ctx)
  }
  return { stack, pass }
}

async function queueWrite(stack: TestStack): Promise<string> {
  const request = await submit(stack.alice.client, WRITE, 'app/development', { start: 'on_approval' })
  return request.latest_execution?.id ?? ''
}

const show = (stack: TestStack, id: string) => stack.alice.client.call(api.executions.get, { params: { id } })

async function expectStatus(stack: TestStack, id: string, status: ExecutionStatus): Promise<void> {
  await expect.poll(async () => (await show(stack, id)).status, { timeout: 15_000 }).toBe(status)
}

/** Starts a queued write under an agent that dies at the kill point; the same agent, with the same disk, comes back later. */
async function crashAt(killPoint: string) {
  const { stack, pass } = await startStack(killPoint)
  const id = await queueWrite(stack)
  expect(await stack.agent.process.ended).toBe('SIGKILL')
  return { stack, pass, id, restart: () => stack.startAgent({ stateDir: stack.agent.stateDir }) }
}

const rows = (stack: TestStack) => stack.development.query('select n from touched')

describe('before the start, a crash costs nothing:', () => {
  it('a poll answer that is cut on the way', async () => {
    const { stack, pass } = await startStack()
    await using _ = stack
    let cuts = 0
    stack.proxy.hooks = {
      response: ({ path, body }) =>
        path.endsWith('/agent/poll') && body.leases?.length > 0 && cuts++ === 0 ? 'cut' : undefined,
    }
    const id = await queueWrite(stack)
    await expectStatus(stack, id, 'leased')
    await pass(START_WITHIN_MS)
    await expectStatus(stack, id, 'succeeded')
    expect(cuts).toBeGreaterThan(0)
    expect(await rows(stack)).toEqual([{ n: 1 }])
  })

  it('a start answer that is cut on the way', async () => {
    const { stack } = await startStack()
    await using _ = stack
    let cuts = 0
    stack.proxy.hooks = { response: ({ path }) => (path.endsWith('/start') && cuts++ === 0 ? 'cut' : undefined) }
    const id = await queueWrite(stack)
    await expectStatus(stack, id, 'succeeded')
    expect(cuts).toBe(2)
    expect(await rows(stack)).toEqual([{ n: 1 }])
  })

  it('an agent killed between lease and start', async () => {
    const { stack, pass, id, restart } = await crashAt('leased')
    await using _ = stack
    expect((await show(stack, id)).status).toBe('leased')
    await using _agent = await restart()
    await pass(START_WITHIN_MS)
    await expectStatus(stack, id, 'succeeded')
    expect(await rows(stack)).toEqual([{ n: 1 }])
  })
})

describe('after the start, a crash is told as it was:', () => {
  it('an agent killed after the start is lost, its slot stays used, and nobody runs it again', async () => {
    const { stack, pass, id } = await crashAt('started')
    await using _ = stack
    expect((await show(stack, id)).status).toBe('running')
    await pass(LEASE_MS)
    const lost = await show(stack, id)
    expect(lost).toMatchObject({ status: 'lost', effect: null, error: { code: 'agent_lost' } })
    await using _another = await stack.startAgent({ agentId: 'another-agent' })
    await pass(LEASE_MS)
    const request = await stack.alice.client.call(api.requests.get, { params: { id: lost.request_id } })
    expect(request).toMatchObject({ status: 'approved', executions_left: 0 })
    await expect(
      stack.alice.client.call(api.requests.execute, { params: { id: request.id }, body: {} }),
    ).rejects.toMatchObject({
      code: 'execution_open',
    })
    expect((await show(stack, id)).status).toBe('lost')
    expect(await rows(stack)).toEqual([])
  })

  it.each([
    ['journaled_started', { status: 'failed', effect: 'rolled_back', error: { code: 'agent_restarted' } }, []],
    ['statement_done', { status: 'failed', effect: 'rolled_back', error: { code: 'agent_restarted' } }, []],
    ['journaled_committing', { status: 'failed', effect: 'rolled_back', error: { code: 'agent_restarted' } }, []],
    ['committed', { status: 'succeeded', effect: 'committed', error: null }, [{ n: 1 }]],
    ['journaled_outcome', { status: 'succeeded', effect: 'committed', error: null }, [{ n: 1 }]],
    ['reported', { status: 'succeeded', effect: 'committed', error: null }, [{ n: 1 }]],
  ])('killed at %s, it is resolved when the agent is back', async (killPoint, outcome, found) => {
    const { stack, pass, id, restart } = await crashAt(killPoint)
    await using _ = stack
    await pass(LEASE_MS)
    if (killPoint !== 'reported') expect((await show(stack, id)).status).toBe('lost')
    await using _agent = await restart()
    await expectStatus(stack, id, outcome.status as ExecutionStatus)
    expect(await show(stack, id)).toMatchObject(outcome)
    expect(await rows(stack)).toEqual(found)
    const told = (await readAuditBodies(stack.server))
      .filter((body) => body.subject?.id === id)
      .map((body) => body.type)
    if (killPoint !== 'reported') expect(told.slice(-2)).toEqual(['execution.lost', 'execution.resolved'])
    expect(told.filter((type) => type === 'execution.started')).toHaveLength(1)
  })
})

describe('a server that is gone for a while', () => {
  it('never aborts running work: the outcome comes when it is back', async () => {
    const { stack } = await startStack()
    await using _ = stack
    const request = await submit(stack.alice.client, `select pg_sleep(1); ${WRITE}`, 'app/development', {
      start: 'on_approval',
    })
    const id = request.latest_execution?.id ?? ''
    await expectStatus(stack, id, 'running')
    stack.proxy.hooks = { response: () => 'cut' }
    await expect.poll(() => rows(stack), { timeout: 10_000 }).toEqual([{ n: 1 }])
    stack.proxy.hooks = {}
    await expectStatus(stack, id, 'succeeded')
  })
})
