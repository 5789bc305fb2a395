import type { Outcome } from '@twinlock/contract'
import type { Logger } from 'pino'
import type { Journal } from './journal.ts'
import type { KillPoints } from './kill-points.ts'
import { callWithRetry, describeFailure } from './retry.ts'
import type { ServerLink } from './server-link.ts'

const ATTEMPT_MS = 10_000

export interface ReportContext {
  readonly link: Pick<ServerLink, 'outcome'>
  readonly journal: Journal
  readonly killPoints: KillPoints
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Tells the server how an execution ended, until it has heard; an agent that stops before tells at its next start. */
export async function reportOutcome(
  ctx: ReportContext,
  executionId: string,
  validUntil: number,
  outcome: Outcome,
): Promise<void> {
  const log = ctx.log.child({ execution: executionId })
  const told = await callWithRetry((signal) => ctx.link.outcome(executionId, outcome, signal), {
    signal: ctx.signal,
    attemptMs: ATTEMPT_MS,
    onFailure: (error, attempt) => {
      if (attempt === 0) log.warn(describeFailure(error), 'the outcome could not be reported; trying again')
    },
  })
  if (!told.ok && told.why === 'gave_up') return
  if (!told.ok) log.error(describeFailure(told.error), 'the server does not take the outcome')
  await ctx.killPoints.reach('reported')
  await ctx.journal
    .append({ type: 'reported', execution_id: executionId, valid_until: validUntil, effect: outcome.effect })
    .catch((error: unknown) => log.warn(describeFailure(error), 'the journal could not note the report'))
}
