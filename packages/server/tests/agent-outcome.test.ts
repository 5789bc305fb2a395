import { api, LEASE_MS, MAX_CHUNK_BYTES, type Outcome, START_WITHIN_MS } from '@twinlock/contract'
import { describe, expect, it } from 'vitest'
import { type ProtocolSetup, startProtocol } from './fixtures/protocol-setup.ts'

/** An execution that the agent runs. */
async function running(setup: ProtocolSetup) {
  const { request, id } = await setup.queue()
  const [held] = await setup.dev.poll()
  if (held === undefined) throw new Error('the agent got nothing')
  await setup.dev.start(held)
  return { request, id, held }
}

async function readBytes(setup: ProtocolSetup, id: string): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of await setup.alice.client.stream(api.executions.result, { params: { id } })) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

const failure = (effect: Outcome['effect'], code = 'connection_failed'): Partial<Outcome> => ({
  status: 'failed',
  effect,
  error: { code, message: 'no', statement: null, position: null, sqlstate: null, detail: null, hint: null },
  statements: [{ status: 'not_run', affected_rows: null, row_count: null }],
})

describe('a chunk', () => {
  it('is stored once, however often it is brought, and never replaced', async () => {
    await using setup = await startProtocol()
    const { id, held } = await running(setup)
    await setup.dev.chunk(held, 0, 'one')
    await setup.dev.chunk(held, 0, 'one')
    for (const other of ['two', 'on', 'one ', ''])
      await expect(setup.dev.chunk(held, 0, other)).rejects.toMatchObject({ code: 'chunk_conflict' })
    await setup.dev.report(held, { chunks: 1, result_sha256: 'a'.repeat(64) })
    expect(await readBytes(setup, id)).toBe('one')
  })

  it('that comes with the outcome is the whole result, and a repeated report changes nothing', async () => {
    await using setup = await startProtocol()
    const { id, held } = await running(setup)
    const end = { chunks: 1, result_sha256: 'a'.repeat(64), inline_result: 'a row\n' }
    await setup.dev.report(held, end)
    await setup.dev.report(held, { ...end, inline_result: 'another\n' })
    expect(await setup.show(id)).toMatchObject({ status: 'succeeded', result: 'complete' })
    expect(await readBytes(setup, id)).toBe('a row\n')
  })

  it('that comes with an outcome under a lease that is not held is not stored', async () => {
    await using setup = await startProtocol()
    const { id, held } = await running(setup)
    const other = { ...held, lease_id: 'lse_01jd5hx0000000000000000001' }
    const end = { chunks: 1, result_sha256: 'a'.repeat(64), inline_result: 'forged\n' }
    await expect(setup.dev.report(other, end)).rejects.toMatchObject({ code: 'lease_lost' })
    await setup.dev.report(held, { ...end, inline_result: 'true\n' })
    expect(await readBytes(setup, id)).toBe('true\n')
  })

  it('of 900 KiB is taken, and one byte more is not', async () => {
    await using setup = await startProtocol()
    const { id, held } = await running(setup)
    await setup.dev.chunk(held, 0, Buffer.alloc(MAX_CHUNK_BYTES, 'x'))
    await expect(setup.dev.chunk(held, 1, Buffer.alloc(MAX_CHUNK_BYTES + 1, 'x'))).rejects.toMatchObject({
      code: 'payload_too_large',
    })
    await setup.dev.report(held, { chunks: 1, result_sha256: 'a'.repeat(64) })
    expect(await readBytes(setup, id)).toHaveLength(MAX_CHUNK_BYTES)
  })

  it('may come in any order, and the result is in the order of the numbers', async () => {
    await using setup = await startProtocol()
    const { id, held } = await running(setup)
    for (const n of [2, 0, 1]) await setup.dev.chunk(held, n, `${n}\n`)
    await setup.dev.report(held, { chunks: 3, result_sha256: 'a'.repeat(64) })
    expect(await setup.show(id)).toMatchObject({ result: 'complete' })
    expect(await readBytes(setup, id)).toBe('0\n1\n2\n')
  })

  it('that never came makes the result partial', async () => {
    await using setup = await startProtocol()
    const { id, held } = await running(setup)
    for (const n of [0, 2]) await setup.dev.chunk(held, n, `${n}\n`)
    await setup.dev.report(held, { chunks: 3, result_sha256: 'a'.repeat(64) })
    expect(await setup.show(id)).toMatchObject({ status: 'succeeded', result: 'partial' })
    expect(await readBytes(setup, id)).not.toContain('2')
  })

  it('is taken neither before the start nor after the end', async () => {
    await using setup = await startProtocol()
    const { id } = await setup.queue()
    const [held] = await setup.dev.poll()
    if (held === undefined) throw new Error('the agent got nothing')
    await expect(setup.dev.chunk(held, 0, 'early')).rejects.toMatchObject({ code: 'execution_closed' })
    await setup.dev.start(held)
    await setup.dev.report(held)
    await expect(setup.dev.chunk(held, 0, 'late')).rejects.toMatchObject({ code: 'execution_closed' })
    expect(await setup.show(id)).toMatchObject({ result: 'none' })
  })

  it('is bytes: JSON is refused', async () => {
    await using setup = await startProtocol()
    const token = await setup.newToken('app/development')
    const answer = await fetch(
      `${setup.server.url}/api/v1/agent/executions/exe_${'0'.repeat(26)}/chunks/0?lease_id=x`,
      {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: '{}',
      },
    )
    expect([answer.status, await answer.json()]).toMatchObject([415, { code: 'unsupported_media_type' }])
  })
})

describe('an outcome', () => {
  it('that is repeated changes nothing', async () => {
    await using setup = await startProtocol()
    const { request, id, held } = await running(setup)
    await setup.dev.report(held)
    const [execution, events] = [await setup.show(id), await setup.events(id)]
    setup.clock.advance(1000)
    await setup.dev.report(held)
    expect(await setup.show(id)).toEqual(execution)
    expect(await setup.events(id)).toEqual(events)
    expect((await setup.events(request.id)).filter(({ type }) => type === 'request.completed')).toHaveLength(1)
  })

  it('that contradicts the one before is refused and in the log, and the first one stands', async () => {
    await using setup = await startProtocol()
    const { request, id, held } = await running(setup)
    await setup.dev.report(held)
    const stood = await setup.show(id)
    for (const change of [failure('none'), { effect: 'unknown' as const }, failure('committed', 'connection_lost')])
      await expect(setup.dev.report(held, change)).rejects.toMatchObject({ code: 'execution_closed' })
    expect(await setup.show(id)).toEqual(stood)
    expect((await setup.showRequest(request.id)).status).toBe('completed')
    const contradictions = (await setup.events(id)).filter(({ type }) => type === 'execution.contradicted')
    expect(contradictions.map(({ data }) => [data.stands, data.stands_effect, data.status, data.effect])).toEqual([
      ['succeeded', 'committed', 'failed', 'none'],
      ['succeeded', 'committed', 'succeeded', 'unknown'],
      ['succeeded', 'committed', 'failed', 'committed'],
    ])
  })

  it('before the start is refused', async () => {
    await using setup = await startProtocol()
    const { id } = await setup.queue()
    const [held] = await setup.dev.poll()
    if (held === undefined) throw new Error('the agent got nothing')
    await expect(setup.dev.report(held)).rejects.toMatchObject({ code: 'lease_lost' })
    expect(await setup.show(id)).toMatchObject({ status: 'leased', effect: null })
  })

  it.each(['failed', 'cancelled'] as const)('%s without effect gives the approval back', async (status) => {
    await using setup = await startProtocol()
    const { request, id, held } = await running(setup)
    await setup.dev.report(held, { ...failure('none'), status })
    expect(await setup.show(id)).toMatchObject({ status, effect: 'none', error: { code: 'connection_failed' } })
    expect(await setup.showRequest(request.id)).toMatchObject({
      status: 'approved',
      executions_left: 1,
      expires_at: request.expires_at,
    })
    const again = await setup.alice.client.call(api.requests.execute, { params: { id: request.id }, body: {} })
    expect(again.status).toBe('queued')
    const [next] = await setup.dev.poll()
    if (next === undefined) throw new Error('the agent got nothing')
    await setup.dev.start(next)
    await setup.dev.report(next)
    expect((await setup.showRequest(request.id)).status).toBe('completed')
  })

  it.each<[string, Partial<Outcome>]>([
    ['succeeded without effect', { effect: 'none' }],
    ['failed and rolled back', failure('rolled_back', 'database_error')],
    ['failed in part', failure('partial', 'database_error')],
    ['failed after the commit', failure('committed', 'connection_lost')],
    ['failed, nobody knows how', failure('unknown', 'connection_lost')],
  ])('%s uses the approval up', async (_, change) => {
    await using setup = await startProtocol()
    const { request, held } = await running(setup)
    await setup.dev.report(held, change)
    expect(await setup.showRequest(request.id)).toMatchObject({ status: 'completed', executions_left: 0 })
    await expect(
      setup.alice.client.call(api.requests.execute, { params: { id: request.id }, body: {} }),
    ).rejects.toMatchObject({ code: 'no_executions_left' })
  })

  it.each<[string, Partial<Outcome>, string]>([
    ['from the journal', { known_from: 'journal' }, 'completed'],
    ['from the database', { known_from: 'database' }, 'completed'],
    ['that nothing had happened', { ...failure('none'), known_from: 'journal' }, 'approved'],
  ])('of a lost execution resolves it: %s', async (_, change, requestStatus) => {
    await using setup = await startProtocol()
    const { request, id, held } = await running(setup)
    await setup.dev.chunk(held, 0, 'early\n')
    await setup.pass(LEASE_MS)
    expect(await setup.status(id)).toBe('lost')
    expect((await setup.showRequest(request.id)).status).toBe('approved')
    await setup.dev.chunk(held, 1, 'late\n')
    await setup.dev.report(held, { chunks: 2, result_sha256: 'a'.repeat(64), ...change })
    const status = change.status ?? 'succeeded'
    expect(await setup.show(id)).toMatchObject({ status, effect: change.effect ?? 'committed', result: 'complete' })
    expect((await setup.showRequest(request.id)).status).toBe(requestStatus)
    expect((await setup.events(id)).slice(-2)).toMatchObject([
      { type: 'execution.lost' },
      { type: 'execution.resolved', actor: { id: 'dev-1' }, data: { status, known_from: change.known_from } },
    ])
  })

  it('that nobody knows leaves the execution lost, and no other may start', async () => {
    await using setup = await startProtocol()
    const { request, id } = await running(setup)
    await setup.pass(LEASE_MS)
    await setup.pass(START_WITHIN_MS)
    expect(await setup.show(id)).toMatchObject({ status: 'lost', effect: null, error: { code: 'agent_lost' } })
    await expect(
      setup.alice.client.call(api.requests.execute, { params: { id: request.id }, body: {} }),
    ).rejects.toMatchObject({ code: 'execution_open' })
  })

  it('puts no message of the database into the log', async () => {
    await using setup = await startProtocol()
    const { id, held } = await running(setup)
    const { error } = failure('rolled_back', 'database_error')
    const secret = 'Key (email)=(a@b.example) already exists.'
    await setup.dev.report(held, {
      ...failure('rolled_back', 'database_error'),
      ...(error ? { error: { ...error, message: secret, detail: secret, sqlstate: '23505' } } : {}),
    })
    expect((await setup.show(id)).error).toMatchObject({ message: secret, detail: secret })
    const events = await setup.events(id)
    expect(events.at(-1)).toMatchObject({ type: 'execution.failed', data: { sqlstate: '23505' } })
    expect(JSON.stringify(events)).not.toContain('example')
    expect(setup.server.logLines.join('')).not.toContain('example')
  })
})
