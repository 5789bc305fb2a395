import { type Envelope, executionTokenSchema, signEnvelope } from '@twinlock/evidence'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Tx } from '../db/connect.ts'
import { readApprovedOrder } from '../requests/execution-slots.ts'

/** Valid around now, so that clocks which differ by less than the agent tolerates do not matter; within the five minutes of the format. */
const VALID_BEFORE_MS = 90_000
const VALID_AFTER_MS = 90_000

/** The server's signed permission for one agent to perform one execution once. */
export async function issueToken(
  ctx: Pick<Context, 'serverId' | 'signingKey' | 'clock'>,
  tx: Tx,
  execution: {
    readonly id: string
    readonly requestId: string
    readonly agentId: string
    readonly journalId: string | null
  },
): Promise<Envelope> {
  const { order, workOrderDigest, approvals } = await readApprovedOrder(tx, execution.requestId)
  const now = ctx.clock.now()
  const token = executionTokenSchema.parse({
    v: 1,
    server_id: ctx.serverId,
    agent_id: execution.agentId,
    journal_id: execution.journalId,
    execution_id: execution.id,
    request_id: execution.requestId,
    work_order_digest: workOrderDigest,
    limits: order.limits,
    not_before: toInstant(now - VALID_BEFORE_MS),
    expires_at: toInstant(now + VALID_AFTER_MS),
    approvals,
  })
  return signEnvelope('execution-token', token, ctx.signingKey)
}
