import { api, type EndpointInput, LEASE_MS, type Lease, type Outcome, POLL_HOLD_S } from '@twinlock/contract'
import { submit, type TestUser } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { journalId, type ManualAgent, refusal } from './fixtures/manual-agent.ts'
import { type ProtocolSetup, startProtocol } from './fixtures/protocol-setup.ts'

const HOLD_MS = POLL_HOLD_S * 1000
const ROLLED_BACK: Partial<Outcome> = {
  status: 'cancelled',
  effect: 'rolled_back',
  error: {
    code: 'cancelled',
    message: 'Cancelled on request.',
    statement: 1,
    position: null,
    sqlstate: '57014',
    detail: null,
    hint: null,
  },
  statements: [{ status: 'failed', affected_rows: null, row_count: null }],
}

let setup: ProtocolSetup
/** Serves the target alone, so that nothing of another test is in its way. */
let agent: ManualAgent
let alice: TestUser
beforeAll(async () => {
  setup = await startProtocol()
  agent = setup.dev
  alice = setup.alice
})
afterAll(() => setup[Symbol.asyncDispose]())

const cancel = (id: string, who = alice, reason?: string) =>
  who.client.call(api.executions.cancel, { params: { id }, body: reason === undefined ? {} : { reason } })
const cancelRequest = (
  id: string,
  body: EndpointInput<typeof api.requests.cancel>['body'] = {},
  who: TestUser = alice,
) => who.client.call(api.requests.cancel, { params: { id }, body })

async function leased() {
  const { id, request } = await setup.queue()
  const [lease] = await agent.poll()
  if (lease?.execution_id !== id) throw new Error('another execution was leased')
  return { id, request, lease }
}

async function running() {
  const made = await leased()
  await agent.start(made.lease)
  return made
}

const finish = (lease: Lease) => agent.report(lease, ROLLED_BACK)
const typesOf = async (id: string) => (await setup.events(id)).map(({ type }) => type)

describe('an execution that has not started', () => {
  it('is cancelled at once, with who and why, and nothing was done', async () => {
    const { id, request } = await setup.queue()
    expect(await cancel(id, alice, 'wrong table')).toMatchObject({
      status: 'cancelled',
      effect: 'none',
      agent: null,
      cancel: { by: 'alice', reason: 'wrong table' },
    })
    expect((await setup.events(id)).at(-1)).toMatchObject({ type: 'execution.cancelled', actor: { id: 'alice' } })
    expect(await setup.showRequest(request.id)).toMatchObject({ status: 'approved', executions_left: 1 })
  })

  it('gets no token any more when it was leased, and no other lease', async () => {
    const { id, lease } = await leased()
    await cancel(id)
    expect(await refusal(agent.start(lease))).toMatchObject({ code: 'execution_closed' })
    expect(await refusal(agent.handBack(lease))).toMatchObject({ code: 'execution_closed' })
    expect(await refusal(finish(lease))).toMatchObject({ code: 'execution_closed' })
    expect(await setup.status(id)).toBe('cancelled')
    expect(await typesOf(id)).not.toContain('execution.started')
  })

  it('either starts or is cancelled, never both, however both arrive', async () => {
    for (let round = 0; round < 30; round++) {
      const { id, lease } = await leased()
      const start = () =>
        agent.start(lease).then(
          () => 'started',
          () => 'refused',
        )
      const stop = () => cancel(id).then(({ status }) => status)
      const calls = round % 2 === 0 ? [start, stop, start, stop] : [stop, start, stop, start]
      const answers = await Promise.all(calls.map((call) => call().catch(() => 'closed')))
      const types = await typesOf(id)
      const hasStarted = types.includes('execution.started')
      expect(types.includes('execution.cancelled')).toBe(!hasStarted)
      expect(answers.includes('started')).toBe(hasStarted)
      expect(await setup.status(id)).toBe(hasStarted ? 'running' : 'cancelled')
      if (hasStarted) await finish(lease)
    }
  })
})

describe('a running execution', () => {
  it('gets no second token once it is cancelled, and ends without effect when its agent never had the first', async () => {
    const { id, lease } = await running()
    await agent.start(lease)
    await cancel(id)
    expect(await refusal(agent.start(lease))).toMatchObject({ code: 'execution_cancelled' })
    await agent.report(lease, { ...ROLLED_BACK, effect: 'none', statements: [] })
    expect(await setup.show(id)).toMatchObject({ status: 'cancelled', effect: 'none' })
  })

  it('is cancelled by its agent, whose held poll is answered at once, and which says what was done', async () => {
    const { id, lease, request } = await running()
    const poll = agent.ask({ free_capacity: 0 })
    await setup.clock.untilHeld(HOLD_MS, 1)
    expect(await cancel(id, alice, 'locks everybody out')).toMatchObject({
      status: 'running',
      effect: null,
      cancel: { by: 'alice', reason: 'locks everybody out' },
    })
    expect(await poll).toMatchObject({ leases: [], cancels: [{ execution_id: id, reason: 'locks everybody out' }] })
    await finish(lease)
    expect(await setup.show(id)).toMatchObject({ status: 'cancelled', effect: 'rolled_back', cancel: { by: 'alice' } })
    expect(await setup.showRequest(request.id)).toMatchObject({ status: 'completed' })
  })

  it('is named in every poll until the agent says that it knows, and no longer than it runs', async () => {
    const { id, lease } = await running()
    await cancel(id)
    for (const _ of [1, 2]) expect(await agent.ask()).toMatchObject({ cancels: [{ execution_id: id, reason: null }] })
    const { id: next } = await setup.queue()
    expect(await agent.ask({ cancelling: [id] })).toMatchObject({ cancels: [], leases: [{ execution_id: next }] })
    await cancel(next)
    await finish(lease)
    const poll = agent.ask()
    await setup.clock.untilHeld(HOLD_MS, 1)
    setup.clock.advance(HOLD_MS)
    expect((await poll).cancels).toEqual([])
  })

  it('is cancelled once: the first wish stands, and is recorded once', async () => {
    const { id, lease } = await running()
    await cancel(id, alice, 'first')
    setup.clock.advance(1000)
    const again = await Promise.all([cancel(id, alice, 'second'), cancel(id, setup.server.admin, 'third')])
    for (const view of again) expect(view.cancel).toMatchObject({ by: 'alice', reason: 'first' })
    expect((await typesOf(id)).filter((type) => type === 'execution.cancel_requested')).toHaveLength(1)
    await finish(lease)
  })

  it('ends as its agent says, also when the cancel came too late', async () => {
    const { id, lease } = await running()
    await cancel(id)
    await agent.report(lease)
    expect(await setup.show(id)).toMatchObject({ status: 'succeeded', effect: 'committed', cancel: { by: 'alice' } })
    expect(await refusal(cancel(id))).toMatchObject({ code: 'execution_not_cancellable' })
  })

  it('that is lost has nobody to tell', async () => {
    const { id, lease } = await running()
    await setup.pass(LEASE_MS)
    expect(await setup.status(id)).toBe('lost')
    expect(await refusal(cancel(id))).toMatchObject({ code: 'execution_not_cancellable' })
    await agent.report(lease)
  })

  it('is told to the agent and journal that hold it, and to nobody else', async () => {
    const { id, lease } = await running()
    const other = await setup.newAgent('dev-other', 'app/development')
    await cancel(id)
    const polls = [other.ask(), agent.ask({ journal_id: journalId('fresh') })]
    await setup.clock.untilHeld(HOLD_MS, 2)
    setup.clock.advance(HOLD_MS)
    for (const answer of await Promise.all(polls)) expect(answer.cancels).toEqual([])
    expect(await agent.ask()).toMatchObject({ cancels: [{ execution_id: id }] })
    await agent.report(lease)
  })

  it('keeps the reason out of the log', async () => {
    const { id, lease } = await running()
    await cancel(id, alice, 'password is hunter2')
    await finish(lease)
    const { cancelled } = await cancelRequest((await setup.queue('app/production')).request.id, {
      reason: 'hunter2 too',
    })
    expect(cancelled).toEqual({ by: 'alice', reason: 'hunter2 too' })
    expect(JSON.stringify(await setup.log())).not.toContain('hunter2')
  })
})

describe('who may cancel', () => {
  it('is the requester, and who may cancel anything on the target', async () => {
    const { server } = setup
    const operator = await server.createUser('olga', 'operator@app/development')
    const elsewhere = await server.createUser('oscar', 'operator@app/production', 'auditor@app/development')
    const reader = await server.createUser('rita', 'auditor', 'developer')
    const stranger = await server.createUser('stan', 'developer')
    const { id, request } = await setup.queue()
    const audited = (await setup.events(id)).length
    expect(await refusal(cancel(id, await server.createUser('rob', 'auditor')))).toMatchObject({
      code: 'permission_denied',
    })
    for (const call of [
      cancel(id, elsewhere),
      cancel(id, reader),
      cancelRequest(request.id, { also_cancel_execution: true }, reader),
    ])
      expect(await refusal(call)).toMatchObject({ code: 'not_requester' })
    const missing = `exe_${'0'.repeat(26)}`
    expect(await refusal(cancel(id, stranger))).toEqual(await refusal(cancel(missing, stranger)))
    expect(await setup.events(id)).toHaveLength(audited)
    expect(await cancel(id, operator, 'stop')).toMatchObject({ status: 'cancelled', cancel: { by: 'olga' } })
  })
})

describe('withdrawing a request', () => {
  it('whose execution runs is refused, and says what else there is', async () => {
    const { id, request, lease } = await running()
    expect(await refusal(cancelRequest(request.id))).toMatchObject({
      code: 'execution_open',
      hint: expect.stringContaining('--also-cancel-execution'),
    })
    expect(await setup.show(id)).toMatchObject({ status: 'running', cancel: null })
    await finish(lease)
  })

  it('with its running execution cancels both: nothing more starts, and the agent is told', async () => {
    const { id, request, lease } = await running()
    const poll = agent.ask({ free_capacity: 0 })
    await setup.clock.untilHeld(HOLD_MS, 1)
    const body = { reason: 'enough', also_cancel_execution: true }
    expect(await cancelRequest(request.id, body)).toMatchObject({
      status: 'cancelled',
      cancelled: { by: 'alice', reason: 'enough' },
      latest_execution: { id, status: 'running' },
    })
    expect(await poll).toMatchObject({ cancels: [{ execution_id: id, reason: 'enough' }] })
    await agent.report(lease, { ...ROLLED_BACK, effect: 'none' })
    expect(await setup.show(id)).toMatchObject({ status: 'cancelled', effect: 'none' })
    expect(await setup.showRequest(request.id)).toMatchObject({ status: 'cancelled', executions_left: 0 })
    const again = alice.client.call(api.requests.execute, { params: { id: request.id }, body: {} })
    expect(await refusal(again)).toMatchObject({ code: 'request_not_approved' })
  })

  it('with its queued execution cancels that at once', async () => {
    const { id, request } = await setup.queue()
    await cancelRequest(request.id, { reason: 'no longer', also_cancel_execution: true })
    expect(await setup.show(id)).toMatchObject({ status: 'cancelled', effect: 'none', cancel: { reason: 'no longer' } })
  })

  it('whose execution is lost withdraws it, and the execution is still resolved', async () => {
    const { id, request, lease } = await running()
    await setup.pass(LEASE_MS)
    expect(await refusal(cancelRequest(request.id))).toMatchObject({
      code: 'execution_open',
      detail: expect.stringContaining('lost'),
      hint: expect.stringContaining('--also-cancel-execution'),
    })
    const withdrawn = await cancelRequest(request.id, { also_cancel_execution: true })
    expect(withdrawn).toMatchObject({ status: 'cancelled', latest_execution: { status: 'lost' } })
    await agent.report(lease)
    expect(await setup.show(id)).toMatchObject({ status: 'succeeded', effect: 'committed', cancel: null })
    expect((await setup.showRequest(request.id)).status).toBe('cancelled')
  })

  it('that is pending keeps who and why', async () => {
    const request = await submit(alice.client, 'select 1', 'app/production')
    expect(await cancelRequest(request.id, {}, setup.server.admin)).toMatchObject({
      status: 'cancelled',
      cancelled: { by: 'admin', reason: null },
    })
    expect(await refusal(cancelRequest(request.id))).toMatchObject({ code: 'request_not_cancellable' })
  })

  it('never lets a start through that arrives with it', async () => {
    for (let round = 0; round < 15; round++) {
      const { id, request, lease } = await leased()
      const calls = [
        () =>
          agent.start(lease).then(
            () => 'started',
            () => 'refused',
          ),
        () => cancelRequest(request.id, { also_cancel_execution: true }).then(({ status }) => status),
      ]
      if (round % 2 === 1) calls.reverse()
      const answers = await Promise.all(calls.map((call) => call()))
      expect(answers).toContain('cancelled')
      const { status, cancel: wish } = await setup.show(id)
      expect(wish?.by).toBe('alice')
      expect(status).toBe(answers.includes('started') ? 'running' : 'cancelled')
      if (status === 'running') await finish(lease)
    }
  })
})
