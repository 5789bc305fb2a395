import { api } from '@twinlock/contract'
import { sweep } from '@twinlock/server'
import { createFakeClock, readAuditBodies, startTestServer, submit } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'

const CONFIG = `
[[databases]]
name = "app"
environments = ["development", "production"]
dialect = "postgresql"
[[workflows]]
database = "app"
environment = "development"
auto_approve = "always"
approval_ttl = "1h"
[[workflows]]
database = "app"
environment = "production"
pending_ttl = "2h"
approval_ttl = "1h"
[[workflows.steps]]
approvers = [{ role = "admin" }]
`
const HOUR = 3_600_000

async function start() {
  const clock = createFakeClock()
  const server = await startTestServer({ config: CONFIG, overrides: { clock } })
  const alice = await server.createUser('alice', 'developer')
  return { clock, server, alice, show: (id: string) => alice.client.call(api.requests.get, { params: { id } }) }
}

describe('expiry', () => {
  it('ends a pending request at its time, not before, and says so in the log', async () => {
    const { clock, server, alice, show } = await start()
    await using _ = server
    const { id } = await submit(alice.client, 'select 1', 'app/production')
    clock.advance(2 * HOUR - 1)
    await sweep(server.server.ctx)
    expect((await show(id)).status).toBe('pending')
    clock.advance(1)
    await sweep(server.server.ctx)
    expect(await show(id)).toMatchObject({ status: 'expired', expires_at: null })
    expect((await readAuditBodies(server)).at(-1)).toMatchObject({
      type: 'request.expired',
      actor: { type: 'system' },
      subject: { id },
    })
  })

  it('refuses an approval after the time, also before anybody has marked it', async () => {
    const { clock, server, alice } = await start()
    await using _ = server
    const { id } = await submit(alice.client, 'select 1', 'app/production')
    clock.advance(2 * HOUR)
    await expect(
      server.admin.client.call(api.requests.approve, { params: { id }, body: { step: 1 } }),
    ).rejects.toMatchObject({
      code: 'request_not_pending',
    })
  })

  it('ends an approval that was not used, and a queued execution with it', async () => {
    const { clock, server, alice, show } = await start()
    await using _ = server
    const { id } = await submit(alice.client, 'select 1', 'app/development', { start: 'on_approval' })
    clock.advance(HOUR)
    await sweep(server.server.ctx)
    expect(await show(id)).toMatchObject({
      status: 'expired',
      latest_execution: { status: 'cancelled', effect: 'none' },
    })
    await expect(alice.client.call(api.requests.execute, { params: { id }, body: {} })).rejects.toMatchObject({
      code: 'approval_expired',
    })
  })

  it('gives an approval its own time, from the approval on', async () => {
    const { clock, server, alice, show } = await start()
    await using _ = server
    const { id } = await submit(alice.client, 'select 1', 'app/production')
    clock.advance(HOUR)
    const approved = await server.admin.client.call(api.requests.approve, { params: { id }, body: { step: 1 } })
    expect(Date.parse(approved.expires_at ?? '')).toBe(clock.now() + HOUR)
    clock.advance(HOUR - 1)
    await sweep(server.server.ctx)
    expect((await show(id)).status).toBe('approved')
  })
})
