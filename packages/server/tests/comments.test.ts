import { api } from '@twinlock/contract'
import { readAuditBodies, startTestServer, submit, type TestUser } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'
import { refusal } from './fixtures/manual-agent.ts'

async function start() {
  const server = await startTestServer()
  const alice = await server.createUser('alice', 'developer')
  const bob = await server.createUser('bob', 'approver')
  return {
    server,
    alice,
    bob,
    ask: (target = 'app/production') => submit(alice.client, 'select 1', target),
    say: (who: TestUser, id: string | number, text: string, idempotencyKey?: string) =>
      who.client.call(
        api.requests.comment,
        { params: { id: String(id) }, body: { text } },
        idempotencyKey ? { idempotencyKey } : {},
      ),
    show: (id: string) => alice.client.call(api.requests.get, { params: { id } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

describe('comments on a request', () => {
  it('are shown to everybody who sees it, oldest first', async () => {
    await using setup = await start()
    const { id, number } = await setup.ask()
    await setup.say(setup.alice, id, 'for INC-204')
    await setup.say(setup.bob, number, 'which rows?')
    const answer = await setup.say(setup.alice, id, '  one row, id 4711\n')
    expect(answer.comments.map(({ by, text }) => [by, text])).toEqual([
      ['alice', 'for INC-204'],
      ['bob', 'which rows?'],
      ['alice', 'one row, id 4711'],
    ])
    const { items } = await setup.bob.client.call(api.requests.list, { query: {} })
    expect(items[0]?.comments).toEqual(answer.comments)
  })

  it('go on when it has ended', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    await setup.bob.client.call(api.requests.reject, { params: { id }, body: { step: 1 } })
    expect(await setup.say(setup.alice, id, 'why?')).toMatchObject({ status: 'rejected', comments: [{ text: 'why?' }] })
  })

  it('are in the log without their text', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    await setup.say(setup.bob, id, 'the password is hunter2')
    const bodies = await readAuditBodies(setup.server)
    expect(bodies.filter(({ type }) => type === 'request.commented')).toMatchObject([
      { actor: { id: 'bob' }, subject: { type: 'request', id } },
    ])
    expect(JSON.stringify(bodies)).not.toContain('hunter2')
    expect(setup.server.logLines.join('')).not.toContain('hunter2')
  })

  it('change nothing else about it', async () => {
    await using setup = await start()
    const before = await setup.ask()
    await setup.say(setup.bob, before.id, 'approved')
    expect({ ...(await setup.show(before.id)), comments: [] }).toEqual(before)
  })

  it('are written once, however often one call is repeated', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    await Promise.all([1, 2, 3].map(() => setup.say(setup.bob, id, 'once', 'key-1')))
    expect((await setup.show(id)).comments).toHaveLength(1)
    expect(await refusal(setup.say(setup.bob, id, 'twice', 'key-1'))).toMatchObject({ code: 'idempotency_key_reused' })
  })

  it('of somebody who does not see it are answered as if there were none', async () => {
    await using setup = await start()
    const carol = await setup.server.createUser('carol', 'developer')
    const { id } = await setup.ask()
    const missing = await refusal(setup.say(carol, 'req_00000000000000000000000000', 'hello'))
    const hidden = await refusal(setup.say(carol, id, 'hello'))
    expect(hidden).toEqual({ ...(missing as object), detail: `there is no request ${id}` })
    expect((await setup.show(id)).comments).toEqual([])
  })

  it('of somebody who may only look on are refused', async () => {
    await using setup = await start()
    const erin = await setup.server.createUser('erin', 'auditor')
    const { id } = await setup.ask()
    expect(await refusal(setup.say(erin, id, 'hello'))).toMatchObject({ code: 'permission_denied' })
  })

  it('are neither changed nor deleted, also past the code', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    await setup.say(setup.bob, id, 'no')
    const { db } = setup.server.server.ctx
    for (const write of [
      () => db.transact((tx) => tx.deleteFrom('comments').execute()),
      () =>
        db.transact((tx) =>
          tx
            .updateTable('comments')
            .set({ request_id: id } as never)
            .execute(),
        ),
    ])
      await expect(write()).rejects.toThrow(/append-only/)
  })

  it('of one person have a bound, which silences nobody else', async () => {
    await using setup = await start()
    const { id } = await setup.ask()
    for (let i = 0; i < 50; i++) await setup.say(setup.alice, id, `${i}`)
    expect(await refusal(setup.say(setup.alice, id, 'more'))).toMatchObject({ code: 'too_many_comments' })
    const { comments } = await setup.say(setup.bob, id, 'enough')
    expect(comments).toHaveLength(51)
    expect(comments.at(-1)).toMatchObject({ by: 'bob', text: 'enough' })
  })

  it.each(['', '   ', 'x'.repeat(4001)])('%# of no text, or of too much, are refused', async (text) => {
    await using setup = await start()
    const { id } = await setup.ask()
    expect(await refusal(setup.say(setup.alice, id, text))).toMatchObject({ code: 'invalid_request' })
  })
})
