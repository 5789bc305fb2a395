import type { Outcome } from '@twinlock/contract'
import type { Logger } from 'pino'
import type { Session, TargetDriver } from './drivers/driver.ts'
import { codedError, failedOutcome } from './execution-outcome.ts'
import type { Journal } from './journal.ts'
import type { KillPoints } from './kill-points.ts'
import { createResultEncoder } from './result-encoder.ts'
import { type MadeResult, ResultUpload } from './result-upload.ts'
import { type DatabaseEnd, type DatabaseWork, runInDatabase } from './run-in-database.ts'
import { SpillFile } from './spill-file.ts'

export interface RunContext {
  readonly driver: TargetDriver
  readonly journal: Journal
  readonly killPoints: KillPoints
  readonly log: Logger
  readonly stateDir: string
  /** Ends waiting for the server and for answers about COMMIT; running statements are cancelled through their session. */
  readonly signal: AbortSignal
  readonly sendChunk: (n: number, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal) => Promise<unknown>
  /** Tells whose statement can be cancelled, and when no longer. */
  readonly onSession: (session: Session | undefined) => void
}

/** How long a read waits for a server that is slow to take its rows before they go to the disk. */
const READ_PATIENCE_MS = 5_000

/** Runs a verified order and says what happened; never rejects. The caller journals and reports the outcome. */
export async function runExecution(ctx: RunContext, work: DatabaseWork): Promise<Outcome> {
  const { executionId, verified } = work
  await using upload = new ResultUpload({
    send: ctx.sendChunk,
    spill: new SpillFile(ctx.stateDir, executionId),
    patienceMs: verified.readOnly ? READ_PATIENCE_MS : 0,
    signal: ctx.signal,
    log: ctx.log,
  })
  const encoder = createResultEncoder((chunk) => upload.push(chunk))
  const end = await runInDatabase(ctx, work, encoder, () => upload.made)
  if (end.effect === 'committed' && !verified.readOnly && !upload.isIdle) {
    // What was committed must not be forgotten while its result is still on its way.
    const outcome = toOutcome(work, end, upload.made, true)
    await ctx.journal
      .append({ type: 'outcome', execution_id: executionId, valid_until: work.validUntil, outcome })
      .catch(() => {})
  }
  const isComplete = await upload.finish()
  return toOutcome(work, end, upload.made, isComplete)
}

function toOutcome(
  { leaseId, verified }: DatabaseWork,
  end: DatabaseEnd,
  made: MadeResult,
  isComplete: boolean,
): Outcome {
  const facts = {
    statements: [...end.statements],
    duration_ms: end.durationMs,
    server_version: end.serverVersion?.slice(0, 200) ?? null,
    chunks: made.chunks,
    result_sha256: made.sha256,
    known_from: end.knownFrom,
    clamped: { ...verified.clamped },
  }
  if (end.error !== null) return { ...failedOutcome(leaseId, end.error, end.effect), ...facts }
  if (verified.readOnly && !isComplete) {
    // A read was for its rows; a write has happened with or without them.
    const error = codedError('result_upload_failed', 'The rows were read, but not all of them reached the server.')
    return { ...failedOutcome(leaseId, error, 'rolled_back'), ...facts }
  }
  return { lease_id: leaseId, status: 'succeeded', effect: end.effect, error: null, ...facts }
}
