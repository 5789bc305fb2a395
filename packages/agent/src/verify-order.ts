import type { KeyObject } from 'node:crypto'
import type { Lease } from '@twinlock/contract'
import {
  type ExecutionToken,
  executionTokenSchema,
  type Limits,
  openEnvelope,
  parseWorkOrder,
  TOKEN_LIFETIME_MS,
  type WorkOrder,
  workOrderDigest,
} from '@twinlock/evidence'
import type { Analysis } from '@twinlock/sql'
import { z } from 'zod'
import type { LocalCeiling, TargetConfig } from './config.ts'
import { type Refusal, refuse } from './refusal.ts'
import { verifyStatements } from './verify-statements.ts'

/** Farther apart, and the times in a token mean nothing. */
const MAX_CLOCK_SKEW_MS = 60_000

/** The longest time that PostgreSQL's settings and Node's timers can hold, 24 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1
/** Unless the configuration allows more, or less. */
const MAX_FIELD_BYTES = 64 * 1024 * 1024

/** Everything a verdict depends on. */
export interface OrderFacts {
  readonly lease: Lease
  /** The envelope as it came in the answer to `start`. */
  readonly token: unknown
  readonly pinnedKey: KeyObject
  readonly serverId: string
  readonly agentId: string
  readonly journalId: string
  /** Milliseconds since 1970, by the agent's clock. */
  readonly now: number
  /** How far the server's clock is ahead of the agent's. */
  readonly clockSkewMs: number
  readonly hasSeen: (executionId: string, tokenExpiresAt: number) => boolean
  readonly targets: readonly TargetConfig[]
  readonly features: readonly string[]
}

export interface VerifiedOrder {
  readonly ok: true
  readonly token: ExecutionToken
  readonly order: WorkOrder
  readonly target: TargetConfig
  /** What holds: the token's limits, clamped to the local ceiling. */
  readonly limits: Limits
  /** The limits that were clamped, by name, as they now are. */
  readonly clamped: Readonly<Record<string, number>>
  /** Runs in a read-only transaction. */
  readonly readOnly: boolean
  /** The session may be reset and used again. */
  readonly reuse: boolean
}

export type OrderVerdict = VerifiedOrder | Refusal

/**
 * Decides whether an order may run. Pure but for `analyze`, which is asked only once signature, addressee, time and
 * digest have held: nobody without the server's key can feed the parser.
 */
export async function verifyOrder(
  facts: OrderFacts,
  analyze: (order: WorkOrder, text: string) => Promise<Analysis>,
): Promise<OrderVerdict> {
  const opened = openToken(facts)
  if (!opened.ok) return { ...opened, isUnsigned: true }
  const { token } = opened
  const bound = checkAddressee(token, facts) ?? checkTime(token, facts) ?? checkUnseen(token, facts)
  if (bound) return bound
  const read = readOrder(token, facts.lease)
  if (!read.ok) return read
  const { order } = read
  const refused =
    checkApprovals(token) ??
    checkExecutor(order, facts) ??
    checkFeatures(token, order, facts) ??
    checkTightened(token.limits, order.limits)
  if (refused) return refused
  const served = findTarget(order, facts)
  if (!served.ok) return served
  const { target } = served
  const outside = checkCeiling(order, target.ceiling)
  if (outside) return outside
  const text = order.statements.map(({ sql }) => sql).join('')
  const statements = verifyStatements(order, await analyze(order, text))
  if (!statements.ok) return statements
  const { limits, clamped } = clampLimits(token.limits, target.ceiling)
  return { ok: true, token, order, target, limits, clamped, readOnly: statements.readOnly, reuse: statements.reuse }
}

// Its lifetime is checked by itself below, so that the refusal can name it.
const tokenFieldsSchema = z.strictObject(executionTokenSchema.shape)

function openToken({ token, pinnedKey }: OrderFacts): { ok: true; token: ExecutionToken } | Refusal {
  const opened = openEnvelope('execution-token', token, pinnedKey, tokenFieldsSchema)
  if (opened.ok) return { ok: true, token: opened.payload }
  switch (opened.why) {
    case 'unknown_key':
      return refuse('server_key_changed', 'The token is not signed by the key this agent has pinned.')
    case 'bad_signature':
      return refuse('token_signature_invalid', "The token names the pinned key, but the signature is not that key's.")
    case 'malformed':
      return refuse('token_malformed', `The token cannot be read: ${opened.detail}.`)
  }
}

function checkAddressee(token: ExecutionToken, facts: OrderFacts): Refusal | undefined {
  if (token.server_id !== facts.serverId)
    return refuse('token_wrong_server', 'The token comes from another server than the one this agent obeys.')
  if (token.agent_id !== facts.agentId)
    return refuse('token_wrong_agent', `The token is for another agent than ${facts.agentId}.`)
  if (token.journal_id !== facts.journalId)
    return refuse('token_wrong_journal', `The token is for another journal than ${facts.journalId}.`)
  if (token.execution_id !== facts.lease.execution_id)
    return refuse('token_wrong_execution', 'The token is for another execution than the one that was leased.')
  return undefined
}

function checkTime(token: ExecutionToken, { now, clockSkewMs }: OrderFacts): Refusal | undefined {
  // Before the token's times, which a wrong clock makes look wrong: the cause is to be named, not its effect.
  if (!(Math.abs(clockSkewMs) <= MAX_CLOCK_SKEW_MS)) {
    const seconds = Math.round(Math.abs(clockSkewMs) / 1000)
    const side = clockSkewMs > 0 ? 'behind' : 'ahead of'
    return refuse('clock_skew', `The agent's clock is ${seconds} s ${side} the server's.`)
  }
  const notBefore = Date.parse(token.not_before)
  const expiresAt = Date.parse(token.expires_at)
  if (expiresAt - notBefore > TOKEN_LIFETIME_MS)
    return refuse('token_lifetime_too_long', 'The token is valid for more than five minutes.')
  if (!(notBefore <= now)) return refuse('token_not_yet_valid', `The token is valid from ${token.not_before}.`)
  if (!(now < expiresAt)) return refuse('token_expired', `The token was valid until ${token.expires_at}.`)
  return undefined
}

function checkUnseen(token: ExecutionToken, { hasSeen }: OrderFacts): Refusal | undefined {
  if (!hasSeen(token.execution_id, Date.parse(token.expires_at))) return undefined
  return refuse('execution_already_seen', "This execution is in the agent's journal already.")
}

function readOrder(token: ExecutionToken, lease: Lease): { ok: true; order: WorkOrder } | Refusal {
  const encoded = lease.work_order
  if (!encoded.isWellFormed()) return refuse('work_order_malformed', 'The work order has a lone surrogate.')
  if (workOrderDigest(encoded) !== token.work_order_digest)
    return refuse('work_order_mismatch', 'The digest of the work order is not the one in the token.')
  const parsed = parseWorkOrder(encoded)
  if (!parsed.ok) return refuse('work_order_malformed', `The work order cannot be read: ${parsed.detail}.`)
  if (parsed.payload.request_id === null)
    return refuse('work_order_mismatch', 'The work order is for a probe: it belongs to no request.')
  if (parsed.payload.request_id !== token.request_id)
    return refuse('work_order_mismatch', 'The work order belongs to another request than the token.')
  return { ok: true, order: parsed.payload }
}

function checkApprovals(token: ExecutionToken): Refusal | undefined {
  if (token.approvals.length > 0) return undefined
  return refuse('token_malformed', 'The token names nobody and nothing that approved the request.')
}

function checkExecutor(order: WorkOrder, { agentId }: OrderFacts): Refusal | undefined {
  if (order.executor === null || order.executor === agentId) return undefined
  return refuse('wrong_executor', `The work order names another agent than ${agentId}.`)
}

function checkFeatures(token: ExecutionToken, order: WorkOrder, { features }: OrderFacts): Refusal | undefined {
  const unknown = order.features.filter((feature) => !features.includes(feature))
  if (unknown.length > 0) return refuse('feature_not_supported', 'The work order needs a feature this agent lacks.')
  if (order.requester_key !== null)
    return refuse('feature_not_supported', "This agent cannot check the requester's own signature.")
  if (order.seal_to.length > 0) return refuse('feature_not_supported', 'This agent cannot seal results.')
  if (order.limits.max_affected_rows !== null || token.limits.max_affected_rows !== null)
    return refuse('feature_not_supported', 'This agent cannot hold a limit of affected rows.')
  return undefined
}

const NUMERIC_LIMITS = [
  'statement_timeout_ms',
  'lock_timeout_ms',
  'max_rows',
  'max_result_bytes',
  'max_field_bytes',
] as const satisfies readonly (keyof Limits)[]

function checkTightened(token: Limits, order: Limits): Refusal | undefined {
  const looser = NUMERIC_LIMITS.find((name) => !(token[name] <= order[name]))
  if (looser === undefined) return undefined
  return refuse('limits_not_tightened', `The token allows more ${looser} than the work order.`)
}

function findTarget(order: WorkOrder, { targets }: OrderFacts): { ok: true; target: TargetConfig } | Refusal {
  const { database, environment } = order.target
  const target = targets.find((candidate) => candidate.database === database && candidate.environment === environment)
  if (!target) return refuse('target_not_served', `This agent does not serve ${database}/${environment}.`)
  if (target.dialect !== order.dialect)
    return refuse('dialect_mismatch', `${database}/${environment} is ${target.dialect}, not ${order.dialect}.`)
  return { ok: true, target }
}

function checkCeiling(order: WorkOrder, { operations }: LocalCeiling): Refusal | undefined {
  const outside =
    operations === null ? undefined : order.operations.find((operation) => !operations.includes(operation))
  if (outside === undefined) return undefined
  return refuse('operation_outside_ceiling', `The agent's configuration does not allow ${outside} on this target.`)
}

/** Times, rows and sizes are clamped, and that is reported; an order is never refused for them. */
export function clampLimits(
  limits: Limits,
  ceiling: Omit<LocalCeiling, 'operations'>,
): { limits: Limits; clamped: Record<string, number> } {
  const most: Partial<Record<keyof Limits, number>> = {
    statement_timeout_ms: ceiling.statementTimeoutMs ?? MAX_TIMEOUT_MS,
    lock_timeout_ms: ceiling.lockTimeoutMs ?? MAX_TIMEOUT_MS,
    ...(ceiling.maxRows === undefined ? {} : { max_rows: ceiling.maxRows }),
    ...(ceiling.maxResultBytes === undefined ? {} : { max_result_bytes: ceiling.maxResultBytes }),
    // A value is held in memory whole.
    max_field_bytes: ceiling.maxFieldBytes ?? MAX_FIELD_BYTES,
  }
  const clamped = Object.fromEntries(
    NUMERIC_LIMITS.flatMap((name) => {
      const value = most[name]
      return value !== undefined && value < limits[name] ? [[name, value]] : []
    }),
  )
  return { limits: { ...limits, ...clamped }, clamped }
}
