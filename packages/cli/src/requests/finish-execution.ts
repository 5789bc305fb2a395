import type { ExecutionView, Problem, RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { exitCodeOfError, exitCodeOfExecution } from '../exit-code.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { problemOf, sayError } from '../report-error.ts'
import { openJsonDocument } from '../results/json-document.ts'
import { createOutputFile, formatOfFile, type OutputFile } from '../results/output-file.ts'
import { printResult } from '../results/print-result.ts'
import type { ResultOptions } from '../results/result-options.ts'
import { createResultWriter, type OutputFormat } from '../results/result-writer.ts'
import { summaryLine } from '../results/summary.ts'
import { createPalette, text } from '../terminal/safe-text.ts'
import { sizeText } from '../terminal/time-text.ts'
import { awaitExecution, isOpen } from './await-execution.ts'
import { executionProblem, failureText } from './execution-text.ts'
import type { Patience } from './wait-option.ts'

interface FinishOptions extends ResultOptions {
  readonly execution: Patience
}

/** Waits for an execution, prints its rows and says what it did. */
export async function finishExecution(
  ctx: Context,
  client: Client,
  request: RequestView,
  started: ExecutionView,
  options: FinishOptions,
): Promise<ExitCode> {
  const execution = await awaitExecution(ctx, client, request, started, options.execution)
  const { output } = options
  await using file = output && !isOpen(execution.status) ? await createOutputFile(output) : undefined
  const { verdict, truncated, bytes } = await writeResult(ctx, client, request, execution, options, file)
  if (!ctx.json) await sayOutcome(ctx, request, execution, verdict, truncated)
  if (!output) return verdict.exit
  if (ctx.json)
    await ctx.printJson({
      request,
      execution,
      results: [],
      output: bytes === undefined ? null : { file: output.path, bytes },
      ...(verdict.problem ? { error: verdict.problem } : {}),
    })
  else if (bytes === undefined) await ctx.say(text`${output.name} was not written`)
  else await ctx.say(text`${output.name}   ${sizeText(bytes)}`)
  return verdict.exit
}

interface Written {
  readonly verdict: Verdict
  readonly truncated: boolean
  /** Of the file that was written; undefined when none was. */
  readonly bytes?: number
}

/** The rows to stdout or into the file, which is put in its place only when all of it is there. */
async function writeResult(
  ctx: Context,
  client: Client,
  request: RequestView,
  execution: ExecutionView,
  options: FinishOptions,
  file: OutputFile | undefined,
): Promise<Written> {
  const toFile = options.output !== undefined
  const sink = file?.sink ?? ctx.io.stdout
  if (toFile && !file) return { verdict: verdictOf(execution, undefined), truncated: false }
  const format = formatOf(ctx, options)
  const document = format === 'json' ? await openJsonDocument(sink, request, execution) : undefined
  const writer =
    document ?? (await createResultWriter(unlessJson(format), sink, toFile ? createPalette(false) : ctx.out))
  let truncated = false
  let broken: unknown
  try {
    ;({ truncated } = await printResult(ctx, client, execution, writer))
  } catch (error) {
    broken = ctx.io.interrupt.aborted ? interruptedReading(request, error) : error
  }
  const verdict = verdictOf(execution, broken)
  try {
    await document?.close(verdict.problem)
    if (!file || verdict.exit !== EXIT.done) return { verdict, truncated }
    return { verdict, truncated, bytes: await file.commit() }
  } catch (error) {
    return { verdict: verdictOf(execution, error), truncated }
  }
}

function formatOf(ctx: Context, { format, output }: FinishOptions): OutputFormat {
  if (output) return format ?? formatOfFile(output.name)
  return ctx.json ? 'json' : (format ?? 'table')
}

/** `json` has its document. */
function unlessJson(format: OutputFormat): Exclude<OutputFormat, 'json'> {
  return format === 'json' ? 'table' : format
}

interface Verdict {
  readonly exit: ExitCode
  /** What broke the result of something that succeeded. */
  readonly broken?: unknown
  readonly problem?: Problem
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
