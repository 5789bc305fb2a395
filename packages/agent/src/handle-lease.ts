import { type Effect, isAppError, LEASE_MS, type Lease, type Outcome } from '@twinlock/contract'
import { TOKEN_LIFETIME_MS, type WorkOrder } from '@twinlock/evidence'
import type { Analysis } from '@twinlock/sql'
import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import { type AgentConfig, targetName } from './config.ts'
import type { TargetDriver } from './drivers/driver.ts'
import { codedError, failedOutcome, toExecutionError } from './execution-outcome.ts'
import { startHeartbeat } from './heartbeat.ts'
import { REMEMBER_MS } from './journal-memory.ts'
import { refuse } from './refusal.ts'
import { type ReportContext, repeatOutcome, reportOutcome } from './report-outcome.ts'
import { callWithRetry, describeFailure, isFinal } from './retry.ts'
import { runExecution } from './run-execution.ts'
import type { PinnedServer } from './server-key.ts'
import { type PollAnswer, type ServerLink, SUPPORTED_FEATURES } from './server-link.ts'
import type { TargetWatch } from './target-watch.ts'
import { type OrderVerdict, type VerifiedOrder, verifyOrder } from './verify-order.ts'

const START_ATTEMPT_MS = 5_000
/** Ends after which the target itself is looked at. */
const DOUBTFUL: ReadonlySet<string> = new Set(['connection_failed', 'connection_lost', 'pooler_detected'])

export interface LeaseContext extends ReportContext {
  readonly config: AgentConfig
  readonly link: ServerLink
  readonly clock: Clock
  readonly log: Logger
  readonly driverOf: (target: string) => TargetDriver | undefined
  readonly analyze: (order: WorkOrder, text: string) => Promise<Analysis>
  readonly rememberServerId: (serverId: string) => Promise<void>
  /** Aborted when the agent starts nothing more. */
  readonly leasing: AbortSignal
  readonly watch: Pick<TargetWatch, 'admit' | 'doubt'>
  readonly onVerdict: (verdict: OrderVerdict) => void
  /** Takes what may last beyond the lease's slot, such as a report the server does not hear. */
  readonly inBackground: (work: Promise<void>) => void
  readonly heartbeatMs?: number
}

interface Started {
  readonly token: unknown
  readonly clockSkewMs: number
  /** A token for this execution cannot be valid any longer after this. */
  readonly validUntil: number
}

/** One lease from start to outcome; never rejects. */
export async function handleLease(
  ctx: LeaseContext,
  lease: Lease,
  polled: Pick<PollAnswer, 'serverId'>,
  pinned: PinnedServer,
  stop: AbortSignal,
): Promise<void> {
  const log = ctx.log.child({ execution: lease.execution_id })
  await ctx.killPoints.reach('leased')
  const started = await startLease(ctx, lease, log)
  if (!started) return
  await ctx.killPoints.reach('started')
  const before = ctx.journal.lookUp(lease.execution_id)
  if (before !== undefined) return repeatTruth(ctx, lease, started, before, log)
  using _heartbeat = startHeartbeat(ctx.link, lease, log, ctx.heartbeatMs)
  const verdict = await judge(ctx, lease, started, polled.serverId, pinned)
  const outcome = verdict.ok
    ? await carryOut(ctx, lease, started, verdict, stop, log)
    : failedOutcome(
        lease.lease_id,
        codedError(verdict.code, verdict.message),
        // Seen, but forgotten too early by a clock that jumped: it may have done anything then.
        verdict.code === 'execution_already_seen' ? 'unknown' : 'none',
      )
  if (outcome === undefined) return log.warn('the agent stops before the end is known; its next start finds out')
  // A refused execution counts as seen too: its token may turn up again once its slot was given back.
  const seen = { execution_id: lease.execution_id, valid_until: started.validUntil }
  await ctx.journal
    .append(
      !verdict.ok && verdict.isUnsigned
        ? // Anybody between may have written this: no more of it than the id comes to the disk.
          { type: 'reported', ...seen, effect: outcome.effect }
        : { type: 'outcome', ...seen, outcome },
      // A read that the power takes from the disk is told of as rolled back, which changes nothing for anybody.
      { synced: !(verdict.ok && verdict.readOnly) },
    )
    .catch((error: unknown) => log.error(describeFailure(error), 'the journal could not keep the outcome'))
  await ctx.killPoints.reach('journaled_outcome')
  logOutcome(log, outcome, verdict.ok)
  ctx.inBackground(reportOutcome(ctx, lease.execution_id, started.validUntil, outcome))
}

/** A start whose answer was lost is asked for again: the server answers the same lease with the same token. */
async function startLease(ctx: LeaseContext, lease: Lease, log: Logger): Promise<Started | undefined> {
  if (ctx.leasing.aborted) return await giveBack(ctx, lease, log)
  const answered = await callWithRetry(
    async (signal): Promise<Started> => {
      const sentAt = ctx.clock.now()
      const { token, serverTime } = await ctx.link.start(lease, signal)
      const receivedAt = ctx.clock.now()
      const serverNow = Date.parse(serverTime)
      return {
        token,
        clockSkewMs: serverNow < sentAt ? serverNow - sentAt : Math.max(0, serverNow - receivedAt),
        // The server's time is nobody's signed word: it must not keep an id in the journal for ever.
        validUntil: Math.min(Math.max(receivedAt, serverNow || 0), receivedAt + REMEMBER_MS) + 2 * TOKEN_LIFETIME_MS,
      }
    },
    {
      signal: ctx.signal,
      attemptMs: START_ATTEMPT_MS,
      withinMs: LEASE_MS,
      // An attempt on its way is waited for: it may have started the execution.
      isLastWord: (error) => isFinal(error) || ctx.leasing.aborted,
    },
  )
  if (answered.ok) {
    log.info('started')
    return answered.value
  }
  if (isAppError(answered.error, 'execution_cancelled')) return await neverStarted(ctx, lease, log)
  if (ctx.leasing.aborted) return await giveBack(ctx, lease, log)
  // Nothing ran. A server that had started it will call it lost; any other has it queued again.
  log.warn(describeFailure(answered.error), 'a lease could not be started and is dropped')
  return undefined
}

/**
 * The server had started it, its answer was lost, and somebody cancelled it before the start was asked for again: no
 * token of it ever came, and once it is in the journal none is ever taken.
 */
async function neverStarted(ctx: LeaseContext, lease: Lease, log: Logger): Promise<undefined> {
  const { execution_id, lease_id } = lease
  if (ctx.journal.lookUp(execution_id) !== undefined) return
  const outcome = failedOutcome(lease_id, codedError('cancelled', 'Cancelled before the first statement.'), 'none')
  const validUntil = ctx.clock.now() + 2 * TOKEN_LIFETIME_MS
  try {
    await ctx.journal.append({ type: 'outcome', execution_id, valid_until: validUntil, outcome })
  } catch (error) {
    // Not on the disk, it could still be run after a restart: nothing is said that gives its slot back.
    log.error(describeFailure(error), 'the journal could not keep the outcome')
    return
  }
  logOutcome(log, outcome, false)
  ctx.inBackground(reportOutcome(ctx, execution_id, validUntil, outcome))
}

/** The agent stops: another agent, or the next start of this one, may have it at once. */
async function giveBack(ctx: LeaseContext, lease: Lease, log: Logger): Promise<undefined> {
  await ctx.link.handBack(lease, AbortSignal.any([ctx.signal, AbortSignal.timeout(START_ATTEMPT_MS)])).then(
    () => log.info('handed back'),
    (error: unknown) => log.warn(describeFailure(error), 'a lease could not be handed back and is dropped'),
  )
}

/**
 * An execution the journal knows is leased again, by a server restored from a backup or by somebody between. Nothing
 * runs, and nothing is said that could pass for the first time's outcome: `none` would give its slot back.
 */
function repeatTruth(ctx: LeaseContext, lease: Lease, started: Started, before: Effect | 'open', log: Logger): void {
  log.warn({ code: 'execution_already_seen' }, 'refused')
  // Its own report is on the way, or waits for the database.
  if (before === 'open') return
  const error = codedError('execution_already_seen', "This execution is in the agent's journal already.")
  const outcome = failedOutcome(lease.lease_id, error, before, { known_from: 'journal' })
  ctx.inBackground(
    // Remembered for as long as the new token may live.
    ctx.journal
      .append({
        type: 'reported',
        execution_id: lease.execution_id,
        valid_until: started.validUntil,
        effect: before,
      })
      .catch(() => {})
      .then(() => repeatOutcome(ctx, lease.execution_id, outcome)),
  )
}

async function judge(
  ctx: LeaseContext,
  lease: Lease,
  { token, clockSkewMs }: Started,
  polledServerId: string,
  pinned: PinnedServer,
): Promise<OrderVerdict> {
  try {
    const verdict = await verifyOrder(
      {
        lease,
        token,
        clockSkewMs,
        pinnedKey: pinned.key,
        // Before the first valid token there is only the unsigned word of the poll, with which the token must agree.
        serverId: pinned.serverId ?? polledServerId,
        agentId: ctx.config.agentId,
        journalId: ctx.journal.id,
        now: ctx.clock.now(),
        hasSeen: (executionId, tokenExpiresAt) => ctx.journal.hasSeen(executionId, tokenExpiresAt),
        targets: ctx.config.targets,
        features: SUPPORTED_FEATURES,
      },
      ctx.analyze,
    )
    ctx.onVerdict(verdict)
    if (verdict.ok) await ctx.rememberServerId(verdict.token.server_id)
    return verdict
  } catch (error) {
    ctx.log.error(describeFailure(error), 'an order could not be checked')
    return refuse('agent_error', 'The agent could not check the order; its log has the rest.')
  }
}

async function carryOut(
  ctx: LeaseContext,
  lease: Lease,
  { validUntil }: Started,
  verified: VerifiedOrder,
  stop: AbortSignal,
  log: Logger,
): Promise<Outcome | undefined> {
  const target = targetName(verified.target)
  const driver = ctx.driverOf(target)
  if (!driver)
    return failedOutcome(lease.lease_id, codedError('target_not_served', 'The target has no driver.'), 'none')
  using admission = await ctx.watch.admit(target, stop)
  if (admission.refusal) return failedOutcome(lease.lease_id, toExecutionError(admission.refusal, null), 'none')
  const outcome = await runExecution(
    {
      driver,
      log,
      journal: ctx.journal,
      killPoints: ctx.killPoints,
      stateDir: ctx.config.stateDir,
      signal: ctx.signal,
      sendChunk: (n, bytes, signal) => ctx.link.chunk(lease, n, bytes, signal),
      stop,
    },
    { executionId: lease.execution_id, leaseId: lease.lease_id, validUntil, verified },
  )
  if (outcome?.error && DOUBTFUL.has(outcome.error.code)) ctx.watch.doubt(target)
  return outcome
}

/** Codes and counts; the messages may hold values. */
function logOutcome(log: Logger, outcome: Outcome, ran: boolean): void {
  const { status, effect, error, duration_ms } = outcome
  const facts = { status, effect, ...(error ? { code: error.code, sqlstate: error.sqlstate ?? undefined } : {}) }
  if (!ran) log.warn({ ...facts, reason: error?.message }, 'refused')
  else log.info({ ...facts, duration_ms }, 'ended')
}
