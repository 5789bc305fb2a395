import { ERROR_CODES } from '@twinlock/contract'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { AuditEvent } from '../audit/append-audit.ts'
import type { Clock } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Metrics } from './metrics.ts'
import { type GaugeSources, readGauges } from './read-gauges.ts'

export interface PrometheusMetrics extends Metrics {
  /** The text of a scrape, and its content type. */
  scrape(ctx: GaugeSources & Pick<Context, 'room'>): Promise<{ text: string; type: string }>
}

/** Seconds: calls of a server that answers, and of people. */
const CALL_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30]
const RUN_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 30, 60, 300, 1800]
const PEOPLE_BUCKETS = [10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600]

export function createPrometheusMetrics(version: string, clock: Pick<Clock, 'now'>): PrometheusMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `twinlock_${name}`, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name: `twinlock_${name}`, help, labelNames, registers })
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: L[] = []) =>
    new Histogram({ name: `twinlock_${name}`, help, labelNames, buckets, registers })

  gauge('build_info', 'Always 1; the version is in the label.', ['version']).set({ version }, 1)
  const calls = histogram('http_request_duration_seconds', 'Time to answer a call, by route pattern.', CALL_BUCKETS, [
    'method',
    'route',
    'status',
  ])
  const transactions = counter('transactions_total', 'Units of work of the state; waiting ones share a sync.', [
    'outcome',
  ])
  const records = counter('audit_records_total', 'Events put into the audit log.', ['type'])
  const auditFailures = counter('audit_append_failures_total', 'Changes undone because the log could not take them.')
  const denials = counter('denials_total', 'What the server refused and recorded, by error code.', ['code'])
  const firstReview = histogram('time_to_first_review_seconds', 'From a request to its first review.', PEOPLE_BUCKETS)
  const approval = histogram('time_to_approve_seconds', 'From a request to its approval by people.', PEOPLE_BUCKETS)
  const dispatch = histogram('dispatch_seconds', 'From queueing an execution to its lease and start.', CALL_BUCKETS, [
    'stage',
  ])
  const ended = counter('executions_ended_total', 'Executions that ended, by status and effect.', ['status', 'effect'])
  const duration = histogram(
    'execution_duration_seconds',
    'Time in the database, as agents measured it.',
    RUN_BUCKETS,
    ['status'],
  )
  const lost = counter('executions_lost_total', 'Executions whose agent fell silent.')
  const stored = counter('result_stored_bytes_total', 'Bytes of results that agents brought.')
  const gone = counter('results_expired_total', 'Results that were deleted, by reason.', ['reason'])
  const gauges = {
    requests: gauge('requests', 'Requests by status.', ['status']),
    executions: gauge('executions', 'Executions by status.', ['status']),
    queue: gauge('queue_depth', 'Executions that wait for an agent, by target.', ['target']),
    agents: gauge('agents', 'Agents that have registered, by whether they are in touch.', ['state']),
    resultBytes: gauge('result_bytes', 'Bytes that results take.'),
    resultQuota: gauge('result_quota_bytes', 'Bytes that results may take.'),
  }

  function count({ type, at, subject, data }: AuditEvent & { readonly at: number }): void {
    records.inc({ type })
    if (/^(request\.denied|access\.denied|review\.refused)$/.test(type)) denials.inc({ code: knownCode(data.code) })
    const sinceMade = subject ? (at - timeOfId(subject.id)) / 1000 : 0
    if (type === 'request.approved' && data.via === 'workflow') approval.observe(sinceMade)
    if (type === 'execution.leased') dispatch.observe({ stage: 'leased' }, sinceMade)
    if (type === 'execution.started') dispatch.observe({ stage: 'started' }, sinceMade)
    if (type === 'execution.lost') lost.inc()
    if (type === 'result.expired') gone.inc({ reason: String(data.reason) })
    if (!/^execution\.(succeeded|failed|cancelled|resolved)$/.test(type)) return
    const status = typeof data.status === 'string' ? data.status : 'cancelled'
    ended.inc({ status, effect: String(data.effect) })
    if (typeof data.duration_ms === 'number') duration.observe({ status }, data.duration_ms / 1000)
  }

  return {
    answered({ method, route, status, ms }) {
      calls.observe({ method: route === undefined ? 'any' : method, route: route ?? 'none', status }, ms / 1000)
    },
    committed(durability, events) {
      transactions.inc({ outcome: durability })
      const at = clock.now()
      for (const event of events) count({ ...event, at })
    },
    rolledBack: () => transactions.inc({ outcome: 'rolled_back' }),
    auditFailed: () => auditFailures.inc(),
    firstReviewed: (ms) => firstReview.observe(ms / 1000),
    resultStored: (bytes) => stored.inc(bytes),
    async scrape(ctx) {
      const now = await readGauges(ctx)
      for (const [status, value] of now.requests) gauges.requests.set({ status }, value)
      for (const [status, value] of now.executions) gauges.executions.set({ status }, value)
      for (const [target, value] of now.queue) gauges.queue.set({ target }, value)
      for (const [state, value] of now.agents) gauges.agents.set({ state }, value)
      gauges.resultBytes.set(ctx.room.usedBytes)
      gauges.resultQuota.set(ctx.room.quota)
      return { text: await registry.metrics(), type: registry.contentType }
    },
  }
}

function knownCode(code: unknown): string {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) ? code : 'other'
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** When the thing of this id was made: the first ten characters after the prefix are the time. */
function timeOfId(id: string): number {
  return [...id.slice(id.indexOf('_') + 1, id.indexOf('_') + 11)].reduce((n, c) => n * 32 + ALPHABET.indexOf(c), 0)
}
