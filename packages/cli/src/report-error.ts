import { inspect } from 'node:util'
import { AppError, type Problem, toProblem } from '@twinlock/contract'
import { CliError } from './cli-error.ts'
import type { Context } from './context.ts'
import { exitCodeOfError } from './exit-code.ts'
import type { ExitCode } from './exit-codes.ts'
import { printableLines } from './terminal/printable.ts'
import { indented, joined, type SafeText, text } from './terminal/safe-text.ts'

/** The one place where an error becomes words and an exit code. */
export async function reportError(ctx: Context, error: unknown): Promise<ExitCode> {
  if (ctx.json) await ctx.printJson({ error: problemOf(error) })
  else await sayError(ctx, error)
  if (ctx.io.env.TWINLOCK_DEBUG && error instanceof Error)
    await ctx.say(indented(printableLines(inspect(error)), '  ', '  '))
  return exitCodeOfError(error)
}

/** What happened, why, and what to do. */
export async function sayError(ctx: Context, error: unknown): Promise<void> {
  const problem = problemOf(error)
  const lines: SafeText[] = [...headLines(ctx, error, problem)]
  for (const { path, message } of problem.errors ?? []) lines.push(text`  ${path ? `${path}: ` : ''}${message}`)
  if (problem.hint) lines.push(indented(printableLines(problem.hint), '  ', '  '))
  if (problem.error_id) lines.push(text`  error id ${problem.error_id}`)
  await ctx.say(joined(lines, '\n'))
}

function headLines(ctx: Context, error: unknown, problem: Problem): SafeText[] {
  const detail = printableLines(problem.detail)
  if (problem.status === 403) return [text`${ctx.err.bad('denied:')} ${problem.code}`, indented(detail, '  ', '  ')]
  // An interruption is its user's own doing.
  if (error instanceof CliError && error.code === 'interrupted') return [indented(detail, '', '')]
  return [text`${ctx.err.bad('error:')} ${indented(detail, '', '  ')}`]
}

export function problemOf(error: unknown): Problem {
  if (error instanceof AppError) return toProblem(error)
  if (error instanceof CliError)
    return {
      type: `urn:twinlock:error:${error.code}`,
      title: error.title,
      status: 0,
      code: error.code,
      detail: error.message,
      ...(error.hint ? { hint: error.hint } : {}),
    }
  return {
    type: 'urn:twinlock:error:cli_failed',
    title: 'The command failed',
    status: 0,
    code: 'cli_failed',
    detail: `This should not happen in twinlock: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'Please report it, with what you did. TWINLOCK_DEBUG=1 shows where it happened.',
  }
}
