import { api } from '@twinlock/contract'
import { sweep } from '@twinlock/server'
import { readAuditBodies, startTestServer, submit } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'
import { createHoldingClock, createManualAgent, refusal } from './fixtures/manual-agent.ts'

async function start() {
  const clock = createHoldingClock()
  const server = await startTestServer({ overrides: { clock } })
  const alice = await server.createUser('alice', 'developer')
  const bob = await server.createUser('bob', 'approver')
  const show = (id: string) => alice.client.call(api.requests.get, { params: { id } })
  const ask = (replaces?: string | number, target = 'app/production', sql = 'select 2') =>
    submit(alice.client, sql, target, replaces === undefined ? {} : { replaces: String(replaces) })
  return {
    clock,
    server,
    alice,
    bob,
    show,
    ask,
    agent: createManualAgent(server, server.agentToken, 'dev-1', ['app/development', 'app/production']),
    approve: (id: string) => bob.client.call(api.requests.approve, { params: { id }, body: { step: 1 } }),
    execute: (id: string) => alice.client.call(api.requests.execute, { params: { id }, body: {} }),
    count: async () => (await alice.client.call(api.requests.list, { query: {} })).items.length,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

describe('an edited version of a request', () => {
  it('withdraws a pending one, and both say so', async () => {
    await using setup = await start()
    const old = await setup.ask()
    const edited = await setup.ask(old.number)
    expect(edited).toMatchObject({ status: 'pending', replaces: old.number, replaced_by: null, reviews: [] })
    expect(await setup.show(old.id)).toMatchObject({
      status: 'cancelled',
      replaces: null,
      replaced_by: edited.number,
      cancelled: { by: 'alice', reason: `replaced by #${edited.number}` },
    })
    expect(await refusal(setup.approve(old.id))).toMatchObject({ code: 'request_not_pending' })
    const cancelled = (await readAuditBodies(setup.server)).filter(({ type }) => type === 'request.cancelled')
    expect(cancelled).toMatchObject([
      { actor: { id: 'alice' }, subject: { id: old.id }, data: { replaced_by: edited.id } },
    ])
  })

  it('withdraws an approved one with its approvals: it needs its own', async () => {
    await using setup = await start()
    const old = await setup.ask()
    await setup.approve(old.id)
    const edited = await setup.ask(old.id)
    expect(edited).toMatchObject({ status: 'pending', replaces: old.number })
    expect(await refusal(setup.execute(old.id))).toMatchObject({ code: 'request_not_approved' })
    expect(await refusal(setup.execute(edited.id))).toMatchObject({ code: 'request_not_approved' })
  })

  it('cancels an execution that has not started', async () => {
    await using setup = await start()
    for (const lease of [false, true]) {
      const old = await setup.ask(undefined, 'app/development')
      const { id } = await setup.execute(old.id)
      const [held] = lease ? await setup.agent.poll() : []
      await setup.ask(old.id, 'app/development')
      expect(await setup.alice.client.call(api.executions.get, { params: { id } })).toMatchObject({
        status: 'cancelled',
        effect: 'none',
      })
      if (held) expect(await refusal(setup.agent.start(held))).toMatchObject({ code: 'execution_closed' })
    }
  })

  it('is refused while an execution runs or is lost, and nothing is made', async () => {
    await using setup = await start()
    const old = await setup.ask(undefined, 'app/development')
    const { id } = await setup.execute(old.id)
    const [held] = await setup.agent.poll()
    if (!held) throw new Error('the agent got nothing')
    await setup.agent.start(held)
    expect(await refusal(setup.ask(old.id, 'app/development'))).toMatchObject({ code: 'request_not_replaceable' })
    setup.clock.advance(60_000)
    await sweep(setup.server.server.ctx)
    expect(await setup.alice.client.call(api.executions.get, { params: { id } })).toMatchObject({ status: 'lost' })
    expect(await refusal(setup.ask(old.id, 'app/development'))).toMatchObject({ code: 'request_not_replaceable' })
    expect(await setup.show(old.id)).toMatchObject({ status: 'approved', replaced_by: null, cancelled: null })
    expect(await setup.count()).toBe(1)
  })

  it('is linked to one that has ended, and changes nothing about it', async () => {
    await using setup = await start()
    const old = await setup.ask()
    await setup.bob.client.call(api.requests.reject, { params: { id: old.id }, body: { step: 1 } })
    const before = await setup.show(old.id)
    const edited = await setup.ask(old.id)
    expect(await setup.show(old.id)).toEqual({ ...before, replaced_by: edited.number })
  })

  it('is made of a request once: the next one is a version of the version', async () => {
    await using setup = await start()
    const first = await setup.ask()
    const edited = await setup.ask(first.id)
    expect(await refusal(setup.ask(first.id))).toMatchObject({
      code: 'request_not_replaceable',
      detail: `#${first.number} has been replaced by #${edited.number}`,
    })
    expect(await setup.ask(edited.id)).toMatchObject({ replaces: edited.number })
  })

  it('of what is not there, and of what is somebody else\u2019s, gets one answer', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    const nobody = 'req_00000000000000000000000000'
    for (const who of [setup.server.admin, await setup.server.createUser('carol', 'developer')]) {
      const missing = await refusal(submit(who.client, 'select 1', 'app/development', { replaces: nobody }))
      const others = await refusal(submit(who.client, 'select 1', 'app/development', { replaces: id }))
      expect(missing).toMatchObject({ code: 'request_not_found' })
      expect(others).toEqual({ ...(missing as object), detail: `there is no request ${id}` })
    }
    expect(await setup.show(id)).toMatchObject({ status: 'pending', replaced_by: null })
  })

  it('that policy denies leaves the old one alone', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    expect(await refusal(setup.ask(id, 'app/production', 'set role postgres'))).toMatchObject({
      code: 'statement_forbidden',
    })
    expect(await setup.show(id)).toMatchObject({ status: 'pending', replaced_by: null })
  })

  it('is made once, however often one call is repeated', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    const body = { database: 'app', environment: 'production', sql: 'select 3', replaces: id }
    const twins = await Promise.all(
      [1, 2, 3].map(() => setup.alice.client.call(api.requests.create, { body }, { idempotencyKey: 'key-1' })),
    )
    expect(new Set(twins.map((twin) => twin.id)).size).toBe(1)
  })

  it('of two that are made at once, one is', async () => {
    await using setup = await start()
    for (let round = 0; round < 5; round++) {
      const old = await setup.ask()
      const both = await Promise.allSettled([setup.ask(old.id), setup.ask(old.id)])
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      const { replaced_by } = await setup.show(old.id)
      expect(both).toContainEqual({ status: 'fulfilled', value: expect.objectContaining({ number: replaced_by }) })
    }
  })

  it('and an approval of the old one at once never leave both alive', async () => {
    await using setup = await start()
    for (let round = 0; round < 10; round++) {
      const old = await setup.ask()
      const [approval, edit] = await Promise.allSettled([setup.approve(old.id), setup.ask(old.id)])
      expect(edit).toMatchObject({ status: 'fulfilled', value: { status: 'pending' } })
      if (approval.status === 'rejected') expect(approval.reason).toMatchObject({ code: 'request_not_pending' })
      expect(await setup.show(old.id)).toMatchObject({ status: 'cancelled' })
      expect(await refusal(setup.execute(old.id))).toMatchObject({ code: 'request_not_approved' })
    }
  })

  it('and a start of the old one at once end with one of the two', async () => {
    await using setup = await start()
    for (let round = 0; round < 5; round++) {
      const old = await setup.ask(undefined, 'app/development')
      await setup.execute(old.id)
      const [held] = await setup.agent.poll()
      if (!held) throw new Error('the agent got nothing')
      const [started, edit] = await Promise.allSettled([setup.agent.start(held), setup.ask(old.id, 'app/development')])
      expect([started.status, edit.status].sort()).toEqual(['fulfilled', 'rejected'])
      if (started.status === 'fulfilled') await setup.agent.report(held)
    }
  })
})
