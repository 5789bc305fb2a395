import { ERROR_CODES, isAppError, type Outcome } from '@twinlock/contract'
import type { Logger } from 'pino'
import { MAX_BACKOFF_MS } from './backoff.ts'
import type { Journal } from './journal.ts'
import type { KillPoints } from './kill-points.ts'
import { callWithRetry, describeFailure, isFinal, type RetryOptions } from './retry.ts'
import type { ServerLink } from './server-link.ts'
import { createTurns, type Turns } from './turns.ts'

const ATTEMPT_MS = 10_000
const AT_ONCE = 16
/** By then the server has long called the execution lost, and nothing ran that anybody must know of. */
const GIVE_UP_MS = 5 * 60_000
/** Reports that may be given up and wait for another attempt; beyond, one attempt is all. */
const MAX_WAITING = 100
/** Between attempts that a server answers with a no which somebody may put right. */
const MAX_REFUSED_WAIT_MS = 5 * 60_000

/** What all the reports of one agent share. */
export interface Reports {
  readonly inTurn: Turns
  readonly giveUpMs: number
  /** Reports on their way that may be given up. */
  waiting: number
}

export function createReports(giveUpMs = GIVE_UP_MS): Reports {
  return { inTurn: createTurns(AT_ONCE), giveUpMs, waiting: 0 }
}

export interface ReportContext {
  readonly link: Pick<ServerLink, 'outcome'>
  readonly journal: Journal
  readonly killPoints: KillPoints
  readonly log: Logger
  readonly signal: AbortSignal
  readonly reports: Reports
}

/**
 * Tells the server how an execution ended. What happened in a database is told until the server has it, or has another
 * end of its own, by this process or a later one; a refusal, after which nothing ran, is given up after minutes.
 */
export async function reportOutcome(
  ctx: ReportContext,
  executionId: string,
  validUntil: number,
  outcome: Outcome,
): Promise<void> {
  const log = ctx.log.child({ execution: executionId })
  const send = (signal: AbortSignal) => ctx.link.outcome(executionId, outcome, signal)
  const shared = { signal: ctx.signal, attemptMs: ATTEMPT_MS, inTurn: ctx.reports.inTurn, onFailure: logFailures(log) }
  const told =
    outcome.effect === 'none'
      ? await reportForAWhile(ctx.reports, send, shared)
      : await callWithRetry(send, { ...shared, isLastWord: isLastWordOnEffect, maxWaitMs: waitByFailure })
  if (!told.ok && told.why === 'gave_up') {
    if (ctx.signal.aborted) return
    log.warn(describeFailure(told.error), 'that nothing ran could not be reported and is given up')
  } else if (!told.ok) log.error(describeFailure(told.error), 'the server does not take the outcome')
  await ctx.killPoints.reach('reported')
  await ctx.journal
    .append(
      { type: 'reported', execution_id: executionId, valid_until: validUntil, effect: outcome.effect },
      // Forgotten, the outcome is reported once more, which changes nothing.
      { synced: false },
    )
    .catch((error: unknown) => log.warn(describeFailure(error), 'the journal could not note the report'))
}

/** Repeats what the server was told before; that it is told again matters to nobody enough to be kept. */
export async function repeatOutcome(ctx: ReportContext, executionId: string, outcome: Outcome): Promise<void> {
  const send = (signal: AbortSignal) => ctx.link.outcome(executionId, outcome, signal)
  const told = await reportForAWhile(ctx.reports, send, {
    signal: ctx.signal,
    attemptMs: ATTEMPT_MS,
    inTurn: ctx.reports.inTurn,
  })
  if (!told.ok && !ctx.signal.aborted)
    ctx.log.warn({ execution: executionId, ...describeFailure(told.error) }, 'the server was not told again')
}

async function reportForAWhile(
  reports: Reports,
  send: (signal: AbortSignal) => Promise<unknown>,
  options: RetryOptions,
) {
  const withinMs = reports.waiting < MAX_WAITING ? reports.giveUpMs : 0
  reports.waiting += 1
  try {
    return await callWithRetry(send, { ...options, withinMs })
  } finally {
    reports.waiting -= 1
  }
}

/**
 * A token may be rotated, or its targets changed, between start and end, and then the server says that there is no such
 * execution: an outcome that tells what happened to data must not be dropped for that.
 */
function isLastWordOnEffect(error: unknown): boolean {
  return isAppError(error, 'execution_closed') || (isAppError(error) && ERROR_CODES[error.code].status === 400)
}

function isRefused(error: unknown): boolean {
  return isAppError(error) && (isFinal(error) || ['unauthenticated', 'permission_denied'].includes(error.code))
}

function waitByFailure(error: unknown): number {
  return isRefused(error) ? MAX_REFUSED_WAIT_MS : MAX_BACKOFF_MS
}

/** The first failure, and the first of every other kind. */
function logFailures(log: Logger): (error: unknown) => void {
  const logged = new Set<string>()
  return (error) => {
    const failure = describeFailure(error)
    if (logged.has(failure.code)) return
    logged.add(failure.code)
    if (isRefused(error))
      log.error({ ...failure, remedy: REMEDY }, 'the server refuses the outcome; it is kept and reported again')
    else log.warn(failure, 'the outcome could not be reported; trying again')
  }
}

const REMEDY =
  'Give this agent a token for the same targets, under the same agent_id, and leave its state_dir in place: it goes on reporting, also after a restart.'
