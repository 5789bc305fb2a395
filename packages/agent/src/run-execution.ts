import { MAX_INLINE_RESULT, type Outcome } from '@twinlock/contract'
import type { Logger } from 'pino'
import type { TargetDriver } from './drivers/driver.ts'
import { codedError, failedOutcome } from './execution-outcome.ts'
import type { Journal } from './journal.ts'
import type { KillPoints } from './kill-points.ts'
import { createResultEncoder } from './result-encoder.ts'
import { type MadeResult, ResultUpload } from './result-upload.ts'
import { type DatabaseEnd, type DatabaseWork, runInDatabase } from './run-in-database.ts'
import { SpillFile } from './spill-file.ts'
import { stopReason, whenStopped } from './stop-reason.ts'

export interface RunContext {
  readonly driver: TargetDriver
  readonly journal: Journal
  readonly killPoints: KillPoints
  readonly log: Logger
  readonly stateDir: string
  /** Ends waiting for the server and for answers about COMMIT. */
  readonly signal: AbortSignal
  /** Ends the execution, wherever it is; what happened by then is what is reported. */
  readonly stop: AbortSignal
  readonly sendChunk: (n: number, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal) => Promise<unknown>
}

const UPLOAD_FAILED = 'The rows were read, but not all of them reached the server.'
/** How long a read waits, in all, for a server that is slow to take its rows before they go to the disk. */
const READ_PATIENCE_MS = 1_000
/** JSON may write a byte of a value as six, and rows and names need room of their own. */
const SPILL_FACTOR = 8
const SPILL_SLACK_BYTES = 16 * 1024 * 1024

/**
 * Runs a verified order and says what happened; never rejects. The caller journals and reports the outcome. Undefined
 * when the agent ended before anybody knew: the journal is asked at its next start.
 */
export async function runExecution(ctx: RunContext, work: DatabaseWork): Promise<Outcome | undefined> {
  const { executionId, verified } = work
  await using upload = new ResultUpload({
    send: ctx.sendChunk,
    spill: new SpillFile(ctx.stateDir, executionId),
    patienceMs: verified.readOnly ? READ_PATIENCE_MS : 0,
    // What a write returned must reach the server even if this process dies after COMMIT.
    inlineBytes: verified.readOnly ? MAX_INLINE_RESULT : 0,
    maxSpillBytes: SPILL_FACTOR * verified.limits.max_result_bytes + SPILL_SLACK_BYTES,
    signal: ctx.signal,
    stop: ctx.stop,
    log: ctx.log,
  })
  const encoder = createResultEncoder((chunk) => upload.push(chunk))
  const end = await runInDatabase(ctx, work, encoder, () => upload.made)
  if (end === undefined) return undefined
  // Rows that nobody waits for any more; the rows of a write that happened are still wanted.
  using _ = verified.readOnly || end.error !== null ? whenStopped(ctx.stop, () => upload.abandon()) : undefined
  if (end.effect === 'committed' && !verified.readOnly && !upload.isIdle) {
    // What was committed must not be forgotten while its result is still on its way.
    const outcome = toOutcome(work, end, upload.made, true, ctx.stop)
    await ctx.journal
      .append({ type: 'outcome', execution_id: executionId, valid_until: work.validUntil, outcome })
      .catch(() => {})
  }
  const isComplete = await upload.finish()
  const { discarded } = upload
  const inline = upload.takeInline()
  return {
    // A server without room for the rows does not make the statement fail.
    ...toOutcome(work, end, upload.made, isComplete || discarded !== undefined, ctx.stop),
    ...(inline === undefined ? {} : { inline_result: inline }),
    ...(discarded === undefined ? {} : { result_discarded: discarded }),
  }
}

function toOutcome(
  { leaseId, verified }: DatabaseWork,
  end: DatabaseEnd,
  made: MadeResult,
  isComplete: boolean,
  stop: AbortSignal,
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
    const reason = stopReason(stop) ?? { code: 'result_upload_failed', message: UPLOAD_FAILED }
    const error = codedError(reason.code, reason.message)
    return { ...failedOutcome(leaseId, error, 'rolled_back'), ...facts }
  }
  return { lease_id: leaseId, status: 'succeeded', effect: end.effect, error: null, ...facts }
}
