import { api, type EndpointInput, POLL_HOLD_S } from '@twinlock/contract'
import { startTestServer } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'
import { refusal } from './fixtures/manual-agent.ts'
import { type ProtocolSetup, startProtocol } from './fixtures/protocol-setup.ts'

const HOLD_MS = POLL_HOLD_S * 1000
const DEVELOPMENT = { database: 'app', environment: 'development' }

type Caller = ProtocolSetup['alice']
type PauseBody = EndpointInput<typeof api.targets.pause>['body']
const pause = (who: Caller, body: PauseBody = {}, params = DEVELOPMENT) =>
  who.client.call(api.targets.pause, { params, body })
const resume = (who: Caller, params = DEVELOPMENT) => who.client.call(api.targets.resume, { params, body: {} })
const list = async (who: Caller) => (await who.client.call(api.targets.list, {})).items

async function leased({ queue, dev }: ProtocolSetup) {
  const { id } = await queue()
  const [lease] = await dev.poll()
  if (lease?.execution_id !== id) throw new Error('another execution was leased')
  return { id, lease }
}

describe('a paused target', () => {
  it('gives agents nothing until it is resumed, and other targets go on', async () => {
    await using setup = await startProtocol()
    const olga = await setup.server.createUser('olga', 'operator@app/development')
    const { target, cancelled } = await pause(olga, { reason: 'INC-204' })
    expect(cancelled).toBe(0)
    expect(target.paused).toMatchObject({ by: 'olga', reason: 'INC-204' })
    const { id } = await setup.queue()
    const poll = setup.dev.poll()
    await setup.clock.untilHeld(HOLD_MS, 1)
    expect(await setup.show(id)).toMatchObject({
      status: 'queued',
      waiting: { code: 'target_paused', message: 'app/development is paused by olga: INC-204' },
    })
    const { id: elsewhere } = await setup.queue('app/production')
    expect(await setup.prod.poll()).toMatchObject([{ execution_id: elsewhere }])
    expect((await resume(olga)).paused).toBeNull()
    expect(await poll).toMatchObject([{ execution_id: id }])
  })

  it('does not keep another target of the same agent waiting, however much waits for it', async () => {
    await using setup = await startProtocol()
    const both = await setup.newAgent('both-1', 'app/development', 'app/production')
    await pause(setup.server.admin)
    for (let i = 0; i < 3; i++) await setup.queue()
    const { id } = await setup.queue('app/production')
    expect(await both.poll({ free_capacity: 10 })).toMatchObject([{ execution_id: id }])
  })

  it('lets nothing start that was leased before: it goes back to the queue', async () => {
    await using setup = await startProtocol()
    const { id, lease } = await leased(setup)
    await pause(setup.server.admin)
    expect(await refusal(setup.dev.start(lease))).toMatchObject({ code: 'target_paused' })
    expect(await setup.show(id)).toMatchObject({ status: 'queued', agent: null })
    expect((await setup.events(id)).at(-1)).toMatchObject({
      type: 'execution.requeued',
      data: { why: 'target_paused', agent: 'dev-1' },
    })
    await resume(setup.server.admin)
    const [again] = await setup.dev.poll()
    if (!again) throw new Error('nothing was leased')
    await setup.dev.start(again)
    expect(await setup.status(id)).toBe('running')
  })

  it('lets what runs go on, and give its start again to an agent that lost the answer', async () => {
    await using setup = await startProtocol()
    const { id, lease } = await leased(setup)
    await setup.dev.start(lease)
    expect((await pause(setup.server.admin)).target).toMatchObject({ queued: 0, running: 1 })
    await setup.dev.heartbeat(lease)
    expect(await setup.dev.start(lease)).toHaveProperty('token')
    await setup.dev.report(lease)
    expect(await setup.status(id)).toBe('succeeded')
  })

  it('cancels what waits and tells agents of what runs, when that is said; nothing else', async () => {
    await using setup = await startProtocol()
    const admin = setup.server.admin
    const elsewhere = await setup.queue('app/production')
    const runs = await leased(setup)
    await setup.dev.start(runs.lease)
    const held = await leased(setup)
    const waits = await setup.queue()
    const poll = setup.dev.ask({ free_capacity: 0 })
    await setup.clock.untilHeld(HOLD_MS, 1)
    const { target, cancelled } = await pause(admin, { reason: 'INC-204', cancel_executions: true })
    expect({ cancelled, running: target.running, queued: target.queued }).toEqual({
      cancelled: 2,
      running: 1,
      queued: 0,
    })
    expect(await poll).toMatchObject({ cancels: [{ execution_id: runs.id, reason: 'INC-204' }] })
    for (const { id } of [held, waits])
      expect(await setup.show(id)).toMatchObject({ status: 'cancelled', effect: 'none', cancel: { by: 'admin' } })
    expect(await refusal(setup.dev.start(held.lease))).toMatchObject({ code: 'execution_closed' })
    expect(await setup.status(elsewhere.id)).toBe('queued')
    // Said again, it finds nothing more.
    expect((await pause(admin, { cancel_executions: true })).cancelled).toBe(0)
  })

  it('is paused and resumed once, whoever says it again, and keeps who was first', async () => {
    await using setup = await startProtocol()
    const admin = setup.server.admin
    await Promise.all([pause(admin, { reason: 'first' }), pause(admin, { reason: 'second' })])
    const first = await pause(admin, { reason: 'third' })
    expect(first.target.paused?.reason).not.toBe('third')
    await Promise.all([resume(admin), resume(admin)])
    const events = await setup.events('app/development')
    expect(events.map(({ type, actor }) => [type, actor.id])).toEqual([
      ['target.paused', 'admin'],
      ['target.resumed', 'admin'],
    ])
    expect(JSON.stringify(await setup.log())).not.toContain('second')
  })

  it('answers a repeated call with one idempotency key as it answered the first', async () => {
    await using setup = await startProtocol()
    await setup.queue()
    const say = () =>
      setup.server.admin.client.call(
        api.targets.pause,
        { params: DEVELOPMENT, body: { cancel_executions: true } },
        { idempotencyKey: 'stop' },
      )
    expect([(await say()).cancelled, (await say()).cancelled]).toEqual([1, 1])
  })

  it('is not shown to somebody who repeats a call and has no part in it any more', async () => {
    await using setup = await startProtocol()
    const { client } = await setup.server.createUser('olga', 'operator@app/development')
    const again = [
      () => client.call(api.targets.pause, { params: DEVELOPMENT, body: {} }, { idempotencyKey: 'stop' }),
      () => client.call(api.targets.resume, { params: DEVELOPMENT, body: {} }, { idempotencyKey: 'go' }),
    ]
    for (const call of again) await call()
    const moved = { params: { name: 'olga' }, body: { roles: ['operator@app/production'] } }
    await setup.server.admin.client.call(api.identity.updateUser, moved)
    for (const call of again) expect(await refusal(call())).toMatchObject({ code: 'unknown_target' })
  })

  it('starts nothing after the pause was answered, however start and pause arrive', async () => {
    await using setup = await startProtocol()
    for (let round = 0; round < 15; round++) {
      const { id, lease } = await leased(setup)
      const calls = [
        () =>
          setup.dev.start(lease).then(
            () => 'started',
            () => 'refused',
          ),
        () => pause(setup.server.admin).then(({ target }) => `paused ${target.running}`),
      ]
      if (round % 2 === 1) calls.reverse()
      const answers = await Promise.all(calls.map((call) => call()))
      const hasStarted = answers.includes('started')
      expect(answers).toContain(`paused ${hasStarted ? 1 : 0}`)
      expect(await setup.status(id)).toBe(hasStarted ? 'running' : 'queued')
      await setup.server.admin.client.call(api.executions.cancel, { params: { id }, body: {} })
      if (hasStarted) await setup.dev.report(lease)
      await resume(setup.server.admin)
    }
  })

  it('stays paused when the server starts again', async () => {
    await using first = await startTestServer()
    await pause(first.admin, { reason: 'INC-204' })
    await first.server[Symbol.asyncDispose]()
    await using second = await startTestServer({ stateDir: first.stateDir })
    const [development] = await list(second.admin)
    expect(development?.paused).toMatchObject({ by: 'admin', reason: 'INC-204' })
  })
})

describe('who may stop a target', () => {
  it('holds the right for it; without any role there it is as if it did not exist', async () => {
    await using setup = await startProtocol()
    const { server } = setup
    const olga = await server.createUser('olga', 'operator@app/production', 'developer@app/development')
    const oscar = await server.createUser('oscar', 'operator@app/production')
    for (const act of [pause, (who: Caller, _: PauseBody, params: typeof DEVELOPMENT) => resume(who, params)]) {
      expect(await refusal(act(olga, {}, DEVELOPMENT))).toMatchObject({ code: 'permission_denied' })
      const hidden = await refusal(act(oscar, {}, DEVELOPMENT))
      const missing = await refusal(act(oscar, {}, { database: 'app', environment: 'nowhere' }))
      expect(hidden).toMatchObject({ code: 'unknown_target' })
      expect(JSON.stringify(missing).replaceAll('nowhere', 'development')).toBe(JSON.stringify(hidden))
      expect(await refusal(act(setup.alice, {}, DEVELOPMENT))).toMatchObject({ code: 'permission_denied' })
    }
    expect((await list(server.admin)).map(({ paused }) => paused)).toEqual([null, null])
    expect((await list(oscar)).map(({ environment }) => environment)).toEqual(['production'])
  })
})
