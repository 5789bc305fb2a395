import { request as httpRequest } from 'node:http'
import { api } from '@twinlock/contract'
import { DEFAULT_CONFIG, startTestServer, submit, type TestServer } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createManualAgent, refusal } from './fixtures/manual-agent.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ config: `metrics_listen = "127.0.0.1:0"\n${DEFAULT_CONFIG}` })
})
afterAll(() => server[Symbol.asyncDispose]())

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Reads the text format strictly: a line that is not of it fails the test. */
function parse(text: string): Sample[] {
  expect(text.endsWith('\n')).toBe(true)
  const lines = text.split('\n').filter((line) => line !== '' && !/^# (HELP|TYPE) [a-z0-9_:]+ /i.test(line))
  return lines.map((line) => {
    const [, name = '', labels = '', value] = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? []
    expect([line, /^(Nan|[+-]?Inf|[-+0-9.e]+)$/.test(String(value))]).toEqual([line, true])
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/gi)].map(([, key, text]) => [key, text])
    return { name, labels: Object.fromEntries(pairs), value: Number(value) }
  })
}

const scrape = async () => (await fetch(String(server.server.metricsUrl))).text()
const sampleOf = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}) =>
  samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
  )?.value

describe('metrics', () => {
  it('count what was asked, decided and run', async () => {
    const alice = await server.createUser('alice', 'developer')
    const bob = await server.createUser('bob', 'approver')
    const before = parse(await scrape())
    const { id } = await submit(alice.client, 'select 1', 'app/production')
    await bob.client.call(api.requests.approve, { params: { id }, body: { step: 1 } })
    await alice.client.call(api.requests.execute, { params: { id }, body: {} })
    expect(sampleOf(parse(await scrape()), 'twinlock_queue_depth', { target: 'app/production' })).toBe(1)
    const agent = createManualAgent(server, server.agentToken, 'agent-1', ['app/production'])
    const [lease] = await agent.poll()
    if (!lease) throw new Error('nothing was leased')
    await agent.start(lease)
    await agent.chunk(lease, 0, 'x\n')
    await agent.report(lease, { chunks: 1, duration_ms: 7 })
    expect(await refusal(submit(alice.client, 'select 1', 'app/nowhere'))).toMatchObject({ code: 'unknown_target' })

    const after = parse(await scrape())
    const grown = (name: string, labels: Record<string, string> = {}) =>
      (sampleOf(after, name, labels) ?? 0) - (sampleOf(before, name, labels) ?? 0)
    expect(sampleOf(after, 'twinlock_requests', { status: 'completed' })).toBe(1)
    expect(sampleOf(after, 'twinlock_requests', { status: 'pending' })).toBe(0)
    expect(sampleOf(after, 'twinlock_executions', { status: 'succeeded' })).toBe(1)
    expect(sampleOf(after, 'twinlock_queue_depth', { target: 'app/production' })).toBe(0)
    expect(grown('twinlock_time_to_first_review_seconds_count')).toBe(1)
    expect(grown('twinlock_time_to_approve_seconds_count')).toBe(1)
    expect(grown('twinlock_dispatch_seconds_count', { stage: 'leased' })).toBe(1)
    expect(grown('twinlock_dispatch_seconds_count', { stage: 'started' })).toBe(1)
    // Seconds, as Prometheus wants them.
    expect(grown('twinlock_dispatch_seconds_sum', { stage: 'started' })).toBeLessThan(30)
    expect(grown('twinlock_executions_ended_total', { status: 'succeeded', effect: 'committed' })).toBe(1)
    expect(grown('twinlock_execution_duration_seconds_sum', { status: 'succeeded' })).toBeCloseTo(0.007)
    expect(grown('twinlock_result_stored_bytes_total')).toBe(2)
    expect(sampleOf(after, 'twinlock_result_bytes')).toBe(2)
    expect(grown('twinlock_denials_total', { code: 'unknown_target' })).toBe(1)
    expect(grown('twinlock_audit_records_total', { type: 'review.approved' })).toBe(1)
    expect(grown('twinlock_transactions_total', { outcome: 'durable' })).toBeGreaterThan(4)
    expect(sampleOf(after, 'twinlock_build_info')).toBe(1)
    expect(sampleOf(after, 'twinlock_agents', { state: 'online' })).toBe(1)
    expect(sampleOf(after, 'nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0)
    const approve = { method: 'POST', route: '/api/v1/requests/:id/approve', status: '200' }
    expect(grown('twinlock_http_request_duration_seconds_count', approve)).toBe(1)
  })

  it('have as many series after any calls as their closed lists allow, and nothing that anybody wrote', async () => {
    const mallory = await server.createUser('mallory', 'developer')
    for (let n = 0; n < 50; n++) {
      await fetch(`${server.url}/nowhere-${n}`, { headers: { 'user-agent': `agent-${n}` } })
      await fetch(`${server.url}/api/v1/requests/req_${n}?secret-${n}`)
    }
    const before = parse(await scrape()).length
    for (let n = 50; n < 100; n++) {
      await fetch(`${server.url}/nowhere-${n}`)
      await refusal(submit(mallory.client, `select 'hunter${n}'`, `app${n}/production`))
      await refusal(submit(mallory.client, `select 'hunter${n}'`, 'app/production'))
    }
    const text = await scrape()
    // One code that was not denied before, at most.
    expect(parse(text).length - before).toBeLessThan(40)
    expect(text).not.toMatch(/hunter|mallory|nowhere|app\d+\/|secret-/)
    for (const secret of [mallory.token, server.admin.token, server.agentToken]) expect(text).not.toContain(secret)
    const known = new Set([
      'version',
      'method',
      'route',
      'status',
      'outcome',
      'type',
      'code',
      'stage',
      'state',
      'effect',
      'reason',
      'target',
      'le',
      'quantile',
      'kind',
      'space',
      'major',
      'minor',
      'patch',
    ])
    expect(
      parse(text)
        .flatMap(({ labels }) => Object.keys(labels))
        .filter((label) => !known.has(label)),
    ).toEqual([])
  })

  it('are all that their address serves, and the API does not serve them', async () => {
    const url = new URL(String(server.server.metricsUrl))
    for (const path of ['/', '/health', '/api/v1/me', '/metrics/', '/metrics?x', '//metrics'])
      expect([path, (await fetch(`${url.origin}${path}`)).status]).toEqual([path, 404])
    expect((await fetch(url, { method: 'POST' })).status).toBe(405)
    expect((await fetch(`${server.url}/metrics`)).status).toBe(404)
    const hostile = await new Promise<number | undefined>((resolve) => {
      httpRequest({ host: url.hostname, port: url.port, method: 'TRACE', path: 'http://x/metrics' }, (answer) =>
        resolve(answer.resume().statusCode),
      ).end()
    })
    expect(hostile).toBe(404)
  })

  it('are off where nobody asked for them', async () => {
    await using plain = await startTestServer()
    expect(plain.server.metricsUrl).toBeUndefined()
  })
})
