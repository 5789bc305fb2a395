import { api } from '@twinlock/contract'
import { startTestServer, type TestServer, type TestUser } from '@twinlock/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { refusal } from './fixtures/manual-agent.ts'

const { identity } = api

let server: TestServer
beforeEach(async () => {
  server = await startTestServer()
})
afterEach(() => server[Symbol.asyncDispose]())

type Change = (by: TestUser, name: string) => Promise<unknown>
const suspend: Change = ({ client }, name) => client.call(identity.suspendUser, { params: { name }, body: {} })
const remove: Change = ({ client }, name) => client.call(identity.removeUser, { params: { name } })
const demoteTo =
  (...roles: string[]): Change =>
  ({ client }, name) =>
    client.call(identity.updateUser, { params: { name }, body: { roles } })

const WAYS: [string, Change][] = [
  ['suspended', suspend],
  ['removed', remove],
  ['made a developer', demoteTo('developer')],
  ['made an administrator of some targets', demoteTo('admin@app/*', 'admin@*/production', 'operator')],
]

/** Active users with `admin` everywhere, as the state has them. */
async function administrators(): Promise<string[]> {
  const rows = await server.server.ctx.db.read.selectFrom('users').select(['name', 'status', 'roles']).execute()
  return rows
    .filter(({ status, roles }) => status === 'active' && JSON.parse(roles).includes('admin'))
    .map(({ name }) => name)
}

describe('the last administrator', () => {
  it.each(WAYS)('is not %s', async (_, change) => {
    expect(await refusal(change(server.admin, 'admin'))).toMatchObject({
      code: 'last_admin',
      detail: 'admin is the only active administrator',
    })
    expect(await administrators()).toEqual(['admin'])
  })

  it.each(WAYS)(
    'is not %s while the other ones are suspended, removed, or have the role for some targets',
    async (_, change) => {
      await server.createUser('ann', 'admin')
      await server.createUser('ben', 'admin')
      await server.createUser('cat', 'admin@app/*')
      await suspend(server.admin, 'ann')
      await remove(server.admin, 'ben')
      expect(await refusal(change(server.admin, 'admin'))).toMatchObject({ code: 'last_admin' })
    },
  )

  it.each(WAYS)('may be %s once there is another one, and by themselves', async (_, change) => {
    await server.createUser('ann', 'admin')
    await change(server.admin, 'admin')
    expect(await administrators()).toEqual(['ann'])
  })

  it('of some targets administers nobody', async () => {
    const cat = await server.createUser('cat', 'admin@app/*', 'admin@*/production')
    for (const [, change] of WAYS)
      expect(await refusal(change(cat, 'admin'))).toMatchObject({ code: 'permission_denied' })
  })
})

describe('at the same moment', () => {
  it.each(WAYS)('two administrators who want each other %s: one is left', async (_, change) => {
    const ann = await server.createUser('ann', 'admin')
    const answers = await Promise.all([refusal(change(ann, 'admin')), refusal(change(server.admin, 'ann'))])
    expect(answers.filter((answer) => answer === 'not refused')).toHaveLength(1)
    expect(await administrators()).toHaveLength(1)
  })

  it('who was suspended a moment ago changes nothing more, also where a third one remains', async () => {
    const ann = await server.createUser('ann', 'admin')
    await server.createUser('ben', 'admin')
    const answers = await Promise.all([refusal(suspend(ann, 'admin')), refusal(suspend(server.admin, 'ann'))])
    expect(answers.filter((answer) => answer === 'not refused')).toHaveLength(1)
    expect(answers.filter((answer) => answer !== 'not refused')).toMatchObject([{ code: 'unauthenticated' }])
    expect(await administrators()).toHaveLength(2)
  })

  it('a crowd that suspends, demotes and removes itself and each other leaves one', async () => {
    const crowd = [server.admin]
    for (let i = 0; i < 7; i++) crowd.push(await server.createUser(`ann-${i}`, 'admin'))
    await Promise.all(
      crowd.flatMap((by, i) =>
        crowd.map((whom, j) => {
          const [, change] = WAYS[(i + j) % WAYS.length] ?? ['', suspend]
          return refusal(change(by, whom.name))
        }),
      ),
    )
    expect((await administrators()).length).toBeGreaterThanOrEqual(1)
  })

  it('one name is given once, and one suspension is one event', async () => {
    const create = () => server.admin.client.call(identity.createUser, { body: { name: 'dan', roles: ['readonly'] } })
    const created = await Promise.all(Array.from({ length: 8 }, () => refusal(create())))
    expect(created.filter((answer) => answer === 'not refused')).toHaveLength(1)
    await Promise.all(Array.from({ length: 8 }, () => suspend(server.admin, 'dan')))
    const { events } = await server.server.ctx.db.read
      .selectFrom('audit_records')
      .where('body', 'like', '%"user.suspended"%')
      .select((eb) => eb.fn.countAll<number>().as('events'))
      .executeTakeFirstOrThrow()
    expect(events).toBe(1)
  })
})
