import { encodeWorkOrder, generateSigningKey, signEnvelope, type WorkOrder } from '@twinlock/evidence'
import { type Analysis, createAnalyzer, type Statement } from '@twinlock/sql'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { sign, tokenFor, toLease, workOrder } from '../tests/fixtures/orders.ts'
import type { TargetConfig } from './config.ts'
import { clampLimits, type OrderFacts, verifyOrder } from './verify-order.ts'

const NOW = Date.parse('2026-03-01T12:00:00.000Z')
const KEY = generateSigningKey()
const OTHER_KEY = generateSigningKey()
const NAMES = { server_id: 'srv_1', agent_id: 'prod-1', journal_id: 'jrn_00000000000000000000000001' }
const TARGET: TargetConfig = {
  database: 'app',
  environment: 'production',
  dialect: 'postgresql',
  ceiling: { operations: null },
}

const analyzer = createAnalyzer({ dialect: 'postgresql' })
afterAll(() => analyzer[Symbol.asyncDispose]())
const analyze = (_order: WorkOrder, text: string) => analyzer.analyze(text)

interface Change {
  order?: Partial<WorkOrder>
  token?: Partial<ReturnType<typeof tokenFor>>
  lease?: (lease: ReturnType<typeof toLease>) => Partial<ReturnType<typeof toLease>>
  facts?: Partial<OrderFacts>
  target?: Partial<TargetConfig>
  envelope?: (token: ReturnType<typeof tokenFor>) => unknown
  analysis?: (found: Analysis) => Analysis
}

/** A valid order but for one change. */
async function verdictOf(change: Change = {}) {
  const order = workOrder('update orders set a = 1 where id = 2', ['dml'], change.order)
  const lease = toLease(order)
  const token = tokenFor(lease, order, { ...NAMES, ...change.token }, NOW)
  const facts: OrderFacts = {
    lease: { ...lease, ...change.lease?.(lease) },
    token: change.envelope ? change.envelope(token) : sign(token, KEY),
    pinnedKey: KEY.publicKey,
    serverId: NAMES.server_id,
    agentId: NAMES.agent_id,
    journalId: NAMES.journal_id,
    now: NOW + 1000,
    clockSkewMs: 0,
    hasSeen: () => false,
    targets: [{ ...TARGET, ...change.target }],
    features: [],
    ...change.facts,
  }
  return await verifyOrder(facts, async (o, text) => {
    const found = await analyze(o, text)
    return change.analysis ? change.analysis(found) : found
  })
}

function withStatement(change: Partial<Statement>): NonNullable<Change['analysis']> {
  return (found) => (found.ok ? { ...found, statements: found.statements.map((s) => ({ ...s, ...change })) } : found)
}

const limits = workOrder('select 1').limits
const READ = { statements: [{ sql: 'select 1', transactional: true }], operations: ['select' as const] }
const CONCURRENTLY = 'create index concurrently i on t (a)'

const REFUSALS: [title: string, code: string, change: Change][] = [
  ['no envelope', 'token_malformed', { envelope: () => ({}) }],
  ['a token of another kind', 'token_malformed', { envelope: (token) => signEnvelope('probe-token', token, KEY) }],
  [
    'a token with an unknown field',
    'token_malformed',
    { envelope: (token) => signEnvelope('execution-token', { ...token, more: 1 }, KEY) },
  ],
  ['a token signed by another key', 'server_key_changed', { envelope: (token) => sign(token, OTHER_KEY) }],
  [
    'a signature by another key that claims the pinned one',
    'token_signature_invalid',
    {
      envelope: (token) => {
        const signed = sign(token, OTHER_KEY)
        return { ...signed, signatures: signed.signatures.map(({ sig }) => ({ sig, keyid: KEY.fingerprint })) }
      },
    },
  ],
  ['a token without approvals', 'token_malformed', { token: { approvals: [] } }],
  ['another server', 'token_wrong_server', { token: { server_id: 'srv_2' } }],
  ['another agent', 'token_wrong_agent', { token: { agent_id: 'prod-2' } }],
  ['another journal', 'token_wrong_journal', { token: { journal_id: 'jrn_00000000000000000000000002' } }],
  ['another execution', 'token_wrong_execution', { token: { execution_id: 'exe_00000000000000000000000000' } }],
  ['a clock that is 61 s behind', 'clock_skew', { facts: { clockSkewMs: 61_000 } }],
  ['a clock that is 61 s ahead', 'clock_skew', { facts: { clockSkewMs: -61_000 } }],
  ['a server time that is no time', 'clock_skew', { facts: { clockSkewMs: Number.NaN } }],
  [
    'a wrong clock whose token looks expired',
    'clock_skew',
    { facts: { clockSkewMs: -3_600_000, now: NOW + 3_600_000 } },
  ],
  ['a token that is not yet valid', 'token_not_yet_valid', { facts: { now: NOW - 1 } }],
  ['a token at its end', 'token_expired', { facts: { now: NOW + 120_000 } }],
  [
    'a token for longer than five minutes',
    'token_lifetime_too_long',
    { token: { expires_at: new Date(NOW + 300_001).toISOString() } },
  ],
  ['an execution seen before', 'execution_already_seen', { facts: { hasSeen: () => true } }],
  [
    'an order with other bytes',
    'work_order_mismatch',
    { lease: ({ work_order }) => ({ work_order: `${work_order} ` }) },
  ],
  [
    'an order with a lone surrogate',
    'work_order_malformed',
    { lease: ({ work_order }) => ({ work_order: `${work_order}\uD800` }) },
  ],
  ['a probe', 'work_order_mismatch', { order: { request_id: null } }],
  ['another request', 'work_order_mismatch', { token: { request_id: 'req_00000000000000000000000000' } }],
  ['another executor', 'wrong_executor', { order: { executor: 'prod-2' } }],
  ['a feature this agent lacks', 'feature_not_supported', { order: { features: ['parameters'] } }],
  ["a requester's key", 'feature_not_supported', { order: { requester_key: 'a'.repeat(64) } }],
  ['a result to be sealed', 'feature_not_supported', { order: { seal_to: ['alice'] } }],
  [
    'a limit of affected rows in the order',
    'feature_not_supported',
    { order: { limits: { ...limits, max_affected_rows: 1 } } },
  ],
  [
    'a limit of affected rows in the token',
    'feature_not_supported',
    { token: { limits: { ...limits, max_affected_rows: 1 } } },
  ],
  ['another database', 'target_not_served', { order: { target: { database: 'billing', environment: 'production' } } }],
  ['another environment', 'target_not_served', { order: { target: { database: 'app', environment: 'staging' } } }],
  [
    'a target spelled across the slash',
    'target_not_served',
    { order: { target: { database: 'app/production', environment: '/' } } },
  ],
  ['another dialect', 'dialect_mismatch', { order: { dialect: 'mysql' } }],
  ...(['statement_timeout_ms', 'lock_timeout_ms', 'max_rows', 'max_result_bytes', 'max_field_bytes'] as const).map(
    (name): [string, string, Change] => [
      `a looser ${name}`,
      'limits_not_tightened',
      { token: { limits: { ...limits, [name]: limits[name] + 1 } } },
    ],
  ),
  [
    'an operation outside the ceiling',
    'operation_outside_ceiling',
    { target: { ceiling: { operations: ['select'] } } },
  ],
  ['an operation that was not approved', 'operation_not_covered', { order: { operations: ['select'] } }],
  ['a statement that only a weaker approval names', 'operation_not_covered', { order: { operations: ['ddl'] } }],
  ['a migration of other statements', 'operation_not_covered', { order: { operations: ['migrate_up'] } }],
  [
    'slices in other places',
    'operation_not_covered',
    {
      order: {
        statements: [
          { sql: 'update orders set', transactional: true },
          { sql: ' a = 1', transactional: true },
        ],
      },
    },
  ],
  [
    'two statements in one slice',
    'operation_not_covered',
    { order: { statements: [{ sql: 'update t set a = 1; delete from t', transactional: true }] } },
  ],
  [
    'a forbidden statement',
    'operation_not_covered',
    { order: { statements: [{ sql: 'commit', transactional: true }], operations: ['privileged'] } },
  ],
  [
    'parameters',
    'operation_not_covered',
    { order: { statements: [{ sql: 'update t set a = $1', transactional: true }] } },
  ],
  [
    'another judgement of transactions',
    'operation_not_covered',
    { order: { statements: [{ sql: 'update t set a = 1', transactional: false }] } },
  ],
  [
    'a statement outside transactions beside another',
    'operation_not_covered',
    {
      order: {
        operations: ['ddl', 'select'],
        statements: [
          { sql: 'select 1;', transactional: true },
          { sql: CONCURRENTLY, transactional: false },
        ],
      },
    },
  ],
  [
    'a read that would run outside a transaction',
    'operation_not_covered',
    {
      order: { statements: [{ sql: 'select 1', transactional: false }], operations: ['select'] },
      analysis: withStatement({ transactional: false }),
    },
  ],
  [
    'an analysis of another dialect',
    'operation_not_covered',
    { analysis: (found) => (found.ok ? { ...found, dialect: 'mysql' } : found) },
  ],
]

describe('verifyOrder', () => {
  test('lets a valid order run, in a transaction that writes', async () => {
    expect(await verdictOf()).toMatchObject({ ok: true, readOnly: false, reuse: false, clamped: {}, limits })
  })

  test.each(REFUSALS)('refuses %s as %s', async (_title, code, change) => {
    expect(await verdictOf(change)).toMatchObject({ ok: false, code })
  })

  test.each([59_999, -59_999])('takes clocks %d ms apart', async (clockSkewMs) => {
    expect(await verdictOf({ facts: { clockSkewMs } })).toMatchObject({ ok: true })
  })

  test('takes an order that names this agent', async () => {
    expect(await verdictOf({ order: { executor: 'prod-1' } })).toMatchObject({ ok: true })
  })

  test('takes tighter limits and runs by them', async () => {
    const tighter = { ...limits, max_rows: 10 }
    expect(await verdictOf({ token: { limits: tighter } })).toMatchObject({ ok: true, limits: tighter, clamped: {} })
  })

  test('clamps to the local ceiling and says so', async () => {
    const target = { ceiling: { operations: null, statementTimeoutMs: 500, maxRows: 5 } }
    expect(await verdictOf({ target })).toMatchObject({
      ok: true,
      limits: { statement_timeout_ms: 500, max_rows: 5, lock_timeout_ms: limits.lock_timeout_ms },
      clamped: { statement_timeout_ms: 500, max_rows: 5 },
    })
    const rest = { operations: null, lockTimeoutMs: 1, maxResultBytes: 2, maxFieldBytes: 3 }
    const clamped = { lock_timeout_ms: 1, max_result_bytes: 2, max_field_bytes: 3 }
    expect(await verdictOf({ target: { ceiling: rest } })).toMatchObject({ ok: true, limits: clamped, clamped })
  })

  test('runs a plain read in a read-only transaction whose session may be used again', async () => {
    expect(await verdictOf({ order: READ })).toMatchObject({ ok: true, readOnly: true, reuse: true })
  })

  test('runs a read with a function it cannot resolve read-only, in a session of its own', async () => {
    const statements = [{ sql: 'select some_function()', transactional: true }]
    const verdict = await verdictOf({ order: { statements, operations: ['select'] } })
    expect(verdict).toMatchObject({ ok: true, readOnly: true, reuse: false })
  })

  test('does not stretch that exception to an order for more than reads', async () => {
    const statements = [{ sql: 'select some_function()', transactional: true }]
    const verdict = await verdictOf({ order: { statements, operations: ['ddl', 'select'] } })
    expect(verdict).toMatchObject({ ok: false, code: 'operation_not_covered' })
  })

  test('does not stretch that exception to a statement that writes', async () => {
    const statements = [
      { sql: 'with x as (delete from t returning 1) select some_function() from x', transactional: true },
    ]
    expect(await verdictOf({ order: { statements, operations: ['select'] } })).toMatchObject({ ok: false })
  })

  test('runs a statement outside transactions alone', async () => {
    const order = { statements: [{ sql: CONCURRENTLY, transactional: false }], operations: ['ddl' as const] }
    expect(await verdictOf({ order })).toMatchObject({ ok: true, readOnly: false, reuse: false })
  })

  test('parses nothing that the pinned key has not signed', async () => {
    let parsed = 0
    const count: Change['analysis'] = (found) => {
      parsed += 1
      return found
    }
    await verdictOf({ envelope: (token) => sign(token, OTHER_KEY), analysis: count })
    await verdictOf({ lease: ({ work_order }) => ({ work_order: `${work_order} ` }), analysis: count })
    expect(parsed).toBe(0)
  })

  test('refuses an order of which any character was changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.constantFrom(...'aZ0 ,"\\{}\u00e9'), async (at, character) => {
        const verdict = await verdictOf({
          lease: ({ work_order: text }) => {
            const index = at % text.length
            const other = text[index] === character ? '#' : character
            return { work_order: text.slice(0, index) + other + text.slice(index + 1) }
          },
        })
        expect(verdict).toMatchObject({ ok: false, code: 'work_order_mismatch' })
      }),
      { numRuns: 200 },
    )
  })

  test('refuses an order of which any field was changed and encoded again', async () => {
    const fields = Object.keys(workOrder('select 1')) as (keyof WorkOrder)[]
    const other = workOrder('delete from orders', ['ddl', 'dml'], {
      target: { database: 'billing', environment: 'staging' },
      dialect: 'mariadb',
      classifier: { version: 'x', catalog_digest: null },
      requester: 'mallory',
      requester_key: 'b'.repeat(64),
      executor: 'prod-1',
      seal_to: ['mallory'],
      limits: { ...limits, max_rows: 1 },
      allowance: { max_executions: 9, approval_ttl_s: 1, execution_window_s: 1, share_with: [] },
      policy_digest: `sha256:${'1'.repeat(64)}`,
      features: ['x'],
      created_at: '2020-01-01T00:00:00.000Z',
    })
    for (const field of fields.filter((name) => name !== 'v')) {
      const verdict = await verdictOf({
        lease: ({ work_order }) => ({
          work_order: encodeWorkOrder({ ...JSON.parse(work_order), [field]: other[field] }),
        }),
      })
      expect(verdict, field).toMatchObject({ ok: false, code: 'work_order_mismatch' })
    }
  })

  test('refuses a token of which any byte was changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const verdict = await verdictOf({
          envelope: (token) => {
            const signed = sign(token, KEY)
            const payload = Buffer.from(signed.payload, 'base64')
            const index = at % payload.length
            payload[index] = (payload[index] ?? 0) ^ flip
            return { ...signed, payload: payload.toString('base64') }
          },
        })
        expect(verdict).toMatchObject({ ok: false, code: 'token_signature_invalid' })
      }),
      { numRuns: 200 },
    )
  })

  test('never throws, whatever stands in place of the token', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (token) => {
        expect(await verdictOf({ envelope: () => token })).toMatchObject({ ok: false, code: 'token_malformed' })
      }),
    )
  })
})

test('timeouts that no timer can hold are clamped', () => {
  const endless = { ...limits, statement_timeout_ms: Number.MAX_SAFE_INTEGER }
  expect(clampLimits(endless, {}).limits.statement_timeout_ms).toBe(2 ** 31 - 1)
})
