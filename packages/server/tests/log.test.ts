import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { api, problemSchema } from '@twinlock/contract'
import { startTestServer, submit, type TestServer } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createManualAgent, refusal } from './fixtures/manual-agent.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const logged = () => server.logLines.map((line) => JSON.parse(line) as Record<string, unknown>)

/** The call's line is written after its answer. */
async function lineOf(callId: string | null): Promise<Record<string, unknown>> {
  for (let n = 0; n < 200; n++) {
    const line = logged().find(({ call_id, msg }) => call_id === callId && msg === 'answered')
    if (line) return line
    await new Promise(setImmediate)
  }
  throw new Error(`no line of ${callId}`)
}

describe('the log', () => {
  it('has a line for each call, found by the id in its answer', async () => {
    const alice = await server.createUser('alice', 'developer')
    const answer = await fetch(`${server.url}/api/v1/requests?limit=3`, {
      headers: { authorization: `Bearer ${alice.token}`, 'x-call-id': 'mine', 'x-request-id': 'mine' },
    })
    const id = answer.headers.get('x-call-id')
    expect(id).toMatch(/^call_[0-9a-f]{16}$/)
    const line = await lineOf(id)
    expect(line).toMatchObject({ method: 'GET', route: '/api/v1/requests', status: 200, ms: expect.any(Number) })
    expect(line.actor).toMatch(/^usr_/)
    // Nothing that a client made up.
    expect(JSON.stringify(line)).not.toMatch(/mine|limit=3/)
  })

  it('has the error id of an answer that tells nothing else', async () => {
    const agent = createManualAgent(server, server.agentToken, 'agent-1', ['app/development'])
    const { id } = await submit(server.admin.client, 'select 1', 'app/development')
    await server.admin.client.call(api.requests.execute, { params: { id }, body: {} })
    const [lease] = await agent.poll()
    if (!lease) throw new Error('nothing was leased')
    await agent.start(lease)
    // Where the results were there is now nothing to write into.
    rmSync(join(server.stateDir, 'results'), { recursive: true })
    const answer = await fetch(
      `${server.url}/api/v1/agent/executions/${lease.execution_id}/chunks/0?lease_id=${lease.lease_id}`,
      {
        method: 'PUT',
        headers: { authorization: `Bearer ${server.agentToken}`, 'content-type': 'application/octet-stream' },
        body: 'secret row',
      },
    )
    const problem = problemSchema.parse(await answer.json())
    expect([answer.status, problem.code]).toEqual([500, 'internal_error'])
    const failure = logged().find(({ error_id }) => error_id === problem.error_id)
    expect(failure).toMatchObject({ msg: 'a request failed', call_id: answer.headers.get('x-call-id') })
    expect(JSON.stringify(problem)).not.toContain(server.stateDir)
  })

  it('has no statement, no row, no token and no body', async () => {
    const alice = await server.createUser('anna', 'developer')
    await submit(alice.client, "select 'hunter2'", 'app/production', { reason: 'hunter2' })
    await refusal(submit(alice.client, "drop table hunter2; select 'hunter2'", 'app/production'))
    await refusal(submit(alice.client, "selec 'hunter2'", 'app/nowhere'))
    await fetch(`${server.url}/api/v1/requests?hunter2=hunter2`, { headers: { authorization: 'Bearer hunter2' } })
    await fetch(`${server.url}/api/v1/requests`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.token}`, 'content-type': 'application/json' },
      body: '{"sql": "hunter2',
    })
    const text = server.logLines.join('')
    expect(text).not.toMatch(/hunter2|secret row/)
    for (const secret of [alice.token, server.admin.token, server.agentToken]) expect(text).not.toContain(secret)
  })
})
