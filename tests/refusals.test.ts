import { rmSync } from 'node:fs'
import { api, type ExecutionErrorCode, type ExecutionView } from '@twinlock/contract'
import {
  encodeWorkOrder,
  generateSigningKey,
  parseWorkOrder,
  type Signable,
  type SigningKey,
  signEnvelope,
  type WorkOrder,
  workOrderDigest,
} from '@twinlock/evidence'
import {
  type Passing,
  readAuditBodies,
  startTestStack,
  submit,
  type TestStack,
  waitForExecution,
} from '@twinlock/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

let stack: TestStack
let serverKey: SigningKey
beforeAll(async () => {
  stack = await startTestStack({ schema: 'create table touched (n int)' })
  serverKey = stack.server.server.ctx.signingKey
})
afterAll(() => stack[Symbol.asyncDispose]())
afterEach(() => {
  stack.proxy.hooks = {}
})

const OTHER_KEY = generateSigningKey()

/** Changes the token in the answer to `start`, then signs it, by default with the server's own key: a server gone bad. */
function forgeToken(change: (token: Record<string, Signable>) => void, key?: SigningKey) {
  return (passing: Passing): undefined => {
    if (!passing.path.endsWith('/start') || !passing.body.token) return
    const payload = JSON.parse(Buffer.from(passing.body.token.payload, 'base64').toString('utf8'))
    change(payload)
    passing.body.token = signEnvelope('execution-token', payload, key ?? serverKey)
  }
}

/** Changes the work order in a lease. */
function forgeOrder(change: (order: WorkOrder) => WorkOrder | Record<string, unknown>) {
  return (passing: Passing): undefined => {
    if (!passing.path.endsWith('/agent/poll')) return
    for (const lease of passing.body.leases ?? []) {
      const order = parseWorkOrder(lease.work_order)
      if (!order.ok) throw new Error(order.detail)
      const changed = change(order.payload)
      lease.work_order = 'v' in changed && isOrder(changed) ? encodeWorkOrder(changed) : JSON.stringify(changed)
    }
  }
}

function isOrder(value: object): value is WorkOrder {
  return !('extra' in value)
}

/** Changes the order and makes a token that fits it, signed by the server's own key. */
function forgeBoth(change: (order: WorkOrder) => WorkOrder) {
  let digest = ''
  const order = forgeOrder((original) => {
    const changed = change(original)
    digest = workOrderDigest(encodeWorkOrder(changed))
    return changed
  })
  const token = forgeToken((payload) => {
    payload.work_order_digest = digest
  })
  return (passing: Passing): undefined => {
    order(passing)
    token(passing)
  }
}

/** Asks for a write that would be seen, and runs it through whatever stands on the wire. */
async function runTampered(
  sql = 'insert into touched values (1)',
): Promise<{ requestId: string; execution: ExecutionView }> {
  const request = await submit(stack.alice.client, sql)
  const { id } = await stack.alice.client.call(api.requests.execute, { params: { id: request.id }, body: {} })
  return { requestId: request.id, execution: await waitForExecution(stack.alice.client, id) }
}

const CASES: [what: string, code: ExecutionErrorCode, tamper: (passing: Passing) => undefined][] = [
  ["another key's signature", 'server_key_changed', forgeToken(() => {}, OTHER_KEY)],
  [
    "another key's signature under the server's name",
    'token_signature_invalid',
    (passing) => {
      forgeToken(() => {}, OTHER_KEY)(passing)
      if (passing.path.endsWith('/start')) passing.body.token.signatures[0].keyid = serverKey.fingerprint
    },
  ],
  [
    'a changed payload under the old signature',
    'token_signature_invalid',
    (passing) => {
      if (!passing.path.endsWith('/start')) return
      const payload = Buffer.from(passing.body.token.payload, 'base64').toString('utf8')
      passing.body.token.payload = Buffer.from(payload.replace('"max_rows":10000', '"max_rows":99999')).toString(
        'base64',
      )
    },
  ],
  ['an unknown field in the token', 'token_malformed', forgeToken((token) => Object.assign(token, { extra: true }))],
  ['a token without an approval', 'token_malformed', forgeToken((token) => Object.assign(token, { approvals: [] }))],
  [
    'an expired token',
    'token_expired',
    forgeToken((token) => Object.assign(token, { not_before: at(-300_000), expires_at: at(-1_000) })),
  ],
  [
    'a token for later',
    'token_not_yet_valid',
    forgeToken((token) => Object.assign(token, { not_before: at(200_000), expires_at: at(400_000) })),
  ],
  [
    'a token that lives too long',
    'token_lifetime_too_long',
    forgeToken((token) => Object.assign(token, { expires_at: at(3_600_000) })),
  ],
  [
    'a token of another server',
    'token_wrong_server',
    forgeToken((token) => Object.assign(token, { server_id: 'srv_other' })),
  ],
  [
    'a token for another agent',
    'token_wrong_agent',
    forgeToken((token) => Object.assign(token, { agent_id: 'other' })),
  ],
  [
    'a token for another journal',
    'token_wrong_journal',
    forgeToken((token) => Object.assign(token, { journal_id: 'jrn_other' })),
  ],
  [
    'a token for another execution',
    'token_wrong_execution',
    forgeToken((token) => Object.assign(token, { execution_id: 'exe_other' })),
  ],
  [
    'a token for another request',
    'work_order_mismatch',
    forgeToken((token) => Object.assign(token, { request_id: 'req_other' })),
  ],
  [
    'limits looser than the order',
    'limits_not_tightened',
    forgeToken((token) => Object.assign(token, { limits: { ...(token.limits as object), max_rows: 1_000_000 } })),
  ],
  [
    'a changed statement',
    'work_order_mismatch',
    forgeOrder((order) => ({ ...order, statements: [{ sql: 'delete from touched', transactional: true }] })),
  ],
  [
    'a changed limit',
    'work_order_mismatch',
    forgeOrder((order) => ({ ...order, limits: { ...order.limits, max_rows: 1 } })),
  ],
  ['a changed operation', 'work_order_mismatch', forgeOrder((order) => ({ ...order, operations: ['ddl', 'dml'] }))],
  [
    'a changed target',
    'work_order_mismatch',
    forgeOrder((order) => ({ ...order, target: { database: 'app', environment: 'production' } })),
  ],
  ['an unknown field in the order', 'work_order_mismatch', forgeOrder((order) => ({ ...order, extra: 1 }))],
  [
    'a signed order for a target it does not serve',
    'target_not_served',
    forgeBoth((order) => ({ ...order, target: { database: 'other', environment: 'production' } })),
  ],
  [
    'a signed order that calls a write a read',
    'operation_not_covered',
    forgeBoth((order) => ({ ...order, operations: ['select'] })),
  ],
  [
    'a signed order with a second statement in a slice',
    'operation_not_covered',
    forgeBoth((order) => ({
      ...order,
      statements: [{ sql: 'insert into touched values (1); drop table touched', transactional: true }],
    })),
  ],
  [
    'a signed order with a forbidden statement',
    'operation_not_covered',
    forgeBoth((order) => ({
      ...order,
      operations: ['privileged'],
      statements: [{ sql: 'commit', transactional: true }],
    })),
  ],
  [
    'a signed order that needs what it cannot do',
    'feature_not_supported',
    forgeBoth((order) => ({ ...order, seal_to: ['age1xyz'] })),
  ],
  ['a signed order for another agent', 'wrong_executor', forgeBoth((order) => ({ ...order, executor: 'other-agent' }))],
  [
    'a signed order for another kind of database',
    'dialect_mismatch',
    forgeBoth((order) => ({ ...order, dialect: 'mysql' })),
  ],
  [
    'a clock that is ten minutes off',
    'clock_skew',
    (passing) => {
      if (passing.body?.server_time) passing.body.server_time = at(600_000)
    },
  ],
]

function at(offsetMs: number): string {
  return new Date(Date.now() + offsetMs).toISOString()
}

describe('the agent refuses, nothing runs, the slot is given back, and requester and audit log are told:', () => {
  it.each(CASES)('%s (%s)', async (_, code, tamper) => {
    stack.proxy.hooks = { response: tamper }
    const { requestId, execution } = await runTampered()
    expect(execution).toMatchObject({ status: 'failed', effect: 'none', error: { code } })
    expect(await stack.development.query('select * from touched')).toEqual([])
    const request = await stack.alice.client.call(api.requests.get, { params: { id: requestId } })
    expect(request).toMatchObject({ status: 'approved', executions_left: 1 })
    const events = (await readAuditBodies(stack.server)).filter((body) => body.subject?.id === execution.id)
    expect(events.at(-1)).toMatchObject({ type: 'execution.failed', data: { error_code: code, effect: 'none' } })
  })

  it('and the same request runs once nobody stands between', async () => {
    stack.proxy.hooks = { response: forgeToken(() => {}, OTHER_KEY) }
    const { requestId } = await runTampered()
    stack.proxy.hooks = {}
    const { id } = await stack.alice.client.call(api.requests.execute, { params: { id: requestId }, body: {} })
    expect(await waitForExecution(stack.alice.client, id)).toMatchObject({ status: 'succeeded', effect: 'committed' })
    expect(await stack.development.query('delete from touched returning n')).toEqual([{ n: 1 }])
  })
})

describe('a token presented twice is refused', () => {
  /** Runs one execution to its end and keeps the lease and the token that went over the wire. */
  async function record() {
    const kept: { lease?: Record<string, unknown>; start?: Record<string, unknown> } = {}
    stack.proxy.hooks = {
      response: (passing): undefined => {
        if (passing.path.endsWith('/agent/poll') && passing.body.leases?.length > 0)
          kept.lease = structuredClone(passing.body.leases[0])
        if (passing.path.endsWith('/start')) kept.start = structuredClone(passing.body)
      },
    }
    const { execution } = await runTampered()
    expect(execution.status).toBe('succeeded')
    await stack.development.query('delete from touched')
    return { lease: kept.lease, start: kept.start, id: execution.id }
  }

  /** Plays the recorded lease and token again, as a server whose whole traffic is in the attacker's hands. */
  async function replay(recorded: Awaited<ReturnType<typeof record>>): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>()
    let played = false
    stack.proxy.hooks = {
      response: (passing): undefined => {
        if (passing.path.endsWith('/agent/poll') && !played) {
          played = true
          passing.body.leases = [recorded.lease]
        }
        if (passing.path.endsWith('/start')) {
          passing.status = 200
          passing.body = { ...recorded.start, server_time: at(0) }
        }
      },
      request: (passing) => {
        if (passing.path.endsWith('/outcome')) resolve(passing.body.error?.code ?? passing.body.status)
      },
    }
    // A request that waits makes the held poll answer at once.
    await submit(stack.alice.client, 'select 1', 'app/development', { start: 'on_approval' })
    return promise
  }

  /** The server knows how the execution ended and gives no slot back; that an agent was made to say otherwise is in its log. */
  async function expectContradiction(executionId: string, code: string): Promise<void> {
    await expect
      .poll(async () => {
        const bodies = await readAuditBodies(stack.server)
        return bodies
          .filter(({ type, subject }) => type === 'execution.contradicted' && subject?.id === executionId)
          .at(-1)
      })
      .toMatchObject({ data: { stands: 'succeeded', error_code: code } })
    const execution = await stack.alice.client.call(api.executions.get, { params: { id: executionId } })
    expect(execution).toMatchObject({ status: 'succeeded', effect: 'committed' })
  }

  it('by the same agent', async () => {
    const recorded = await record()
    expect(await replay(recorded)).toBe('execution_already_seen')
    expect(await stack.development.query('select * from touched')).toEqual([])
    await expectContradiction(recorded.id, 'execution_already_seen')
  })

  it('by the agent after a restart, and by the agent with a wiped disk', async () => {
    const recorded = await record()
    for (const [wipe, code] of [
      [false, 'execution_already_seen'],
      [true, 'token_wrong_journal'],
    ] as const) {
      stack.agent.process.kill('SIGKILL')
      await stack.agent.process.ended
      if (wipe) rmSync(stack.agent.stateDir, { recursive: true })
      await using _agent = await stack.startAgent({ stateDir: stack.agent.stateDir })
      expect(await replay(recorded)).toBe(code)
      expect(await stack.development.query('select * from touched')).toEqual([])
      await expectContradiction(recorded.id, code)
    }
  })
})
