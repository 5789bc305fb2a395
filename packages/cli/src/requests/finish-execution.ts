import type { ExecutionView, RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { exitCodeOfError, exitCodeOfExecution } from '../exit-code.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { problemOf, sayError } from '../report-error.ts'
import { openJsonDocument } from '../results/json-document.ts'
import { printResult } from '../results/print-result.ts'
import { createResultWriter, type OutputFormat } from '../results/result-writer.ts'
import { summaryLine } from '../results/summary.ts'
import { awaitExecution, isOpen } from './await-execution.ts'
import { executionProblem, failureText } from './execution-text.ts'
import type { Patience } from './wait-option.ts'

/** Waits for an execution, prints its rows and says what it did. */
export async function finishExecution(
  ctx: Context,
  client: Client,
  request: RequestView,
  started: ExecutionView,
  options: { readonly execution: Patience; readonly format: OutputFormat },
): Promise<ExitCode> {
  const execution = await awaitExecution(ctx, client, request, started, options.execution)
  const document = ctx.json ? await openJsonDocument(ctx.io.stdout, request, execution) : undefined
  const writer = document ?? (await createResultWriter(tableUnlessSaid(options.format), ctx.io.stdout, ctx.out))
  let truncated = false
  let broken: unknown
  try {
    ;({ truncated } = await printResult(ctx, client, execution, writer))
  } catch (error) {
    broken = ctx.io.interrupt.aborted ? interruptedReading(request, error) : error
  }
  const verdict = verdictOf(execution, broken)
  if (document) await document.close(verdict.problem)
  else await sayOutcome(ctx, request, execution, verdict, truncated)
  return verdict.exit
}

interface Verdict {
  readonly exit: ExitCode
  /** An incomplete result of something that succeeded. */
  readonly broken?: unknown
  readonly problem?: ReturnType<typeof problemOf>
}

/** A failure of the execution says more than rows that are missing because of it. */
function verdictOf(execution: ExecutionView, broken: unknown): Verdict {
  const exit = exitCodeOfExecution(execution)
  if (exit !== EXIT.done) {
    const problem = isOpen(execution.status) ? undefined : executionProblem(execution)
    return problem ? { exit, problem } : { exit }
  }
  if (broken === undefined) return { exit }
  return { exit: exitCodeOfError(broken), broken, problem: problemOf(broken) }
}

async function sayOutcome(
  ctx: Context,
  request: RequestView,
  execution: ExecutionView,
  verdict: Verdict,
  truncated: boolean,
): Promise<void> {
  if (isOpen(execution.status))
    await sayError(
      ctx,
      new CliError(
        'wait_timed_out',
        `Timed out waiting: #${request.number} is still ${execution.status} and goes on without you.`,
        `Its result: twinlock result ${request.number}`,
      ),
    )
  else if (verdict.broken !== undefined) await sayError(ctx, verdict.broken)
  else if (verdict.exit === EXIT.done) await ctx.say(summaryLine(execution, truncated))
  else await ctx.say(failureText(ctx, execution, request.number))
}

function interruptedReading(request: RequestView, cause: unknown): CliError {
  return new CliError(
    'interrupted',
    'Stopped reading: what was printed is not the whole result.',
    `Read it again: twinlock result ${request.number}`,
    cause,
  )
}

/** `json` has its document. */
function tableUnlessSaid(format: OutputFormat): Exclude<OutputFormat, 'json'> {
  return format === 'json' ? 'table' : format
}
