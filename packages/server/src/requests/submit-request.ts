import { AppError, can, coversRoleTarget, type ErrorCode } from '@twinlock/contract'
import { workOrderDigest } from '@twinlock/evidence'
import type { Analysis, Dialect } from '@twinlock/sql'
import { type AuditEvent, appendAudit, SYSTEM } from '../audit/append-audit.ts'
import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { queueExecution } from '../executions/queue-execution.ts'
import { type Idempotency, rememberAnswer } from '../idempotency/idempotency.ts'
import { assertStillLive } from '../identity/authenticate.ts'
import { actorOf, type UserCaller } from '../identity/caller.ts'
import type { Decision } from '../policies/decide-submission.ts'
import { findTargetDatabase, targetText } from '../policies/targets.ts'
import { freezeWorkOrder } from './freeze-work-order.ts'
import { replaceRequest } from './replace-request.ts'
import { insertRequest, nextRequestNumber, type RequestRecord } from './request-store.ts'

export interface SubmissionInput {
  readonly database: string
  readonly environment: string
  readonly sql: string
  readonly reason?: string | undefined
  readonly start: 'manual' | 'on_approval'
  /** Their own request that this one is an edited version of. */
  readonly replaces?: string | undefined
}

/** Within what an agent's report has room for, and far more than anybody reviews. */
const MAX_STATEMENTS = 1000

/** What is known of a submission when it is judged. */
interface Judged {
  readonly dialect: Dialect
  readonly analysis: Extract<Analysis, { ok: true }>
  readonly decision: Extract<Decision, { allowed: true }>
}

/**
 * Judges SQL and, where a workflow covers it, makes a request of it: pending, or approved where the workflow says so.
 * A denial creates nothing but its audit record. Returns the request's id.
 */
export async function submitRequest(
  ctx: Context,
  user: UserCaller,
  input: SubmissionInput,
  signal: AbortSignal,
  idempotency?: Idempotency,
): Promise<string> {
  const judged = await judge(ctx, user, input, signal)
  const request = toRequest(ctx, user, input, judged)
  const { executionId, replaced } = await ctx.db.transact(async (tx) => {
    await assertStillLive(ctx, tx, user)
    const number = await nextRequestNumber(tx)
    const replaced =
      input.replaces === undefined
        ? undefined
        : await replaceRequest(ctx, tx, user, input.replaces, { id: request.id, number })
    const numbered = { ...request, number, replacesId: replaced?.id ?? null }
    await insertRequest(tx, numbered)
    await rememberAnswer(ctx, tx, idempotency, request.id)
    await appendAudit(ctx, tx, ...creationEvents(user, numbered))
    const starts = request.status === 'approved' && request.start === 'on_approval'
    return { replaced, executionId: starts ? await queueExecution(ctx, tx, numbered, SYSTEM) : undefined }
  })
  ctx.changes.notify(topicOf.request(request.id))
  if (executionId) ctx.changes.notify(topicOf.queue(request))
  if (replaced) ctx.changes.notify(topicOf.request(replaced.id))
  if (replaced?.executionId) ctx.changes.notify(topicOf.execution(replaced.executionId))
  return request.id
}

async function judge(ctx: Context, user: UserCaller, input: SubmissionInput, signal: AbortSignal): Promise<Judged> {
  const database = findTargetDatabase(ctx.config, input)
  const analyzer = database && ctx.analyzers[database.dialect]
  // Who holds no role for a target is told what somebody is told who made its name up.
  const isKnown = user.roles.some((role) => coversRoleTarget(role, input))
  if (!database || !analyzer || !isKnown)
    throw await deny(ctx, user, input, { code: 'unknown_target', detail: `there is no target ${targetText(input)}` })
  if (!can(user.roles, 'request:create', input))
    throw await deny(ctx, user, input, {
      code: 'permission_denied',
      detail: `your roles do not let you ask for anything on ${targetText(input)}`,
    })
  const analysis = await ctx.analysisTurns.take(user.id, signal, () =>
    orPolicyError(ctx, user, input, () => analyzer.analyze(input.sql)),
  )
  if (!analysis.ok) throw new AppError(analysis.code, { detail: analysis.message })
  const { length } = analysis.statements
  if (length > MAX_STATEMENTS)
    throw new AppError('too_many_statements', {
      detail: `${length} statements; at most ${MAX_STATEMENTS} fit into one request`,
    })
  const submission = { roles: user.roles, target: input, analysis, reason: input.reason }
  const decision = await orPolicyError(ctx, user, input, () => ctx.decideSubmission(ctx.config.workflows, submission))
  if (!decision.allowed) throw await deny(ctx, user, input, decision, analysis)
  return { dialect: database.dialect, analysis, decision }
}

/** Whatever goes wrong while deciding is a denial; the cause is for the log alone. */
async function orPolicyError<T>(
  ctx: Context,
  user: UserCaller,
  input: SubmissionInput,
  decide: () => T | Promise<T>,
): Promise<T> {
  try {
    return await decide()
  } catch (error) {
    const errorId = ctx.ids('err')
    ctx.logger.error({ err: error, error_id: errorId }, 'a submission could not be judged')
    throw await deny(ctx, user, input, { code: 'policy_error', errorId })
  }
}

async function deny(
  ctx: Context,
  user: UserCaller,
  input: SubmissionInput,
  denial: { code: ErrorCode; detail?: string; hint?: string; errorId?: string },
  analysis?: Extract<Analysis, { ok: true }>,
): Promise<AppError> {
  await ctx.db.transact((tx) =>
    appendAudit(ctx, tx, {
      type: 'request.denied',
      actor: actorOf(user),
      subject: null,
      data: {
        code: denial.code,
        database: input.database,
        environment: input.environment,
        operations: analysis ? [...analysis.operations] : [],
      },
    }),
  )
  return new AppError(denial.code, {
    ...(denial.detail ? { detail: denial.detail } : {}),
    ...(denial.hint ? { hint: denial.hint } : {}),
    ...(denial.errorId ? { errorId: denial.errorId } : {}),
  })
}

function toRequest(ctx: Context, user: UserCaller, input: SubmissionInput, judged: Judged): RequestRecord {
  const { analysis, decision, dialect } = judged
  const { workflow, autoApproved } = decision
  const id = ctx.ids('req')
  const now = ctx.clock.now()
  const workOrder = freezeWorkOrder(ctx, {
    requestId: id,
    target: input,
    dialect,
    analysis,
    requester: user.name,
    workflow,
  })
  return {
    id,
    number: 0,
    requesterId: user.id,
    database: input.database,
    environment: input.environment,
    sql: input.sql,
    reason: input.reason ?? null,
    start: input.start,
    operations: analysis.operations,
    statements: analysis.statements.map(({ operation, transactional, reasons }) => ({
      operation,
      transactional,
      reasons: reasons.slice(0, 10).map(({ code, message }) => ({ code, message })),
    })),
    workflow,
    workOrder,
    workOrderDigest: workOrderDigest(workOrder),
    status: autoApproved ? 'approved' : 'pending',
    approvedVia: autoApproved ? 'auto' : null,
    maxExecutions: workflow.maxExecutions,
    slotsUsed: 0,
    createdAt: now,
    decidedAt: autoApproved ? now : null,
    approvedAt: autoApproved ? now : null,
    firstStartedAt: null,
    expiresAt: now + (autoApproved ? workflow.approvalTtlS : workflow.pendingTtlS) * 1000,
    replacesId: null,
    cancelledBy: null,
    cancelReason: null,
    executionOpen: false,
  }
}

function creationEvents(user: UserCaller, request: RequestRecord): AuditEvent[] {
  const subject = { type: 'request', id: request.id }
  const created: AuditEvent = {
    type: 'request.created',
    actor: actorOf(user),
    subject,
    data: {
      number: request.number,
      database: request.database,
      environment: request.environment,
      operations: [...request.operations],
      statements: request.statements.length,
      work_order_digest: request.workOrderDigest,
      ...(request.replacesId === null ? {} : { replaces: request.replacesId }),
    },
  }
  if (request.status !== 'approved') return [created]
  return [created, { type: 'request.approved', actor: SYSTEM, subject, data: { via: 'auto' } }]
}
