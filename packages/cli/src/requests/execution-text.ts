import {
  EXECUTION_ERROR_CODES,
  type ExecutionError,
  type ExecutionErrorCode,
  type ExecutionView,
  type Problem,
} from '@twinlock/contract'
import type { Context } from '../context.ts'
import { effectText } from '../results/summary.ts'
import { printableLines } from '../terminal/printable.ts'
import { indented, joined, type SafeText, text } from '../terminal/safe-text.ts'

/** What an execution that did not succeed has to say: what, why, what it did, what to do. */
export function failureText(ctx: Context, execution: ExecutionView, number: number): SafeText {
  const lines: SafeText[] = [text`${ctx.err.bad(headline(execution))} ${reasonText(execution)}`]
  const { error } = execution
  // Of a lost one the headline has said it, with the agent's name.
  if (error && execution.status !== 'lost') lines.push(...errorLines(error))
  if (execution.effect !== null) lines.push(text`  ${effectText(execution)}`)
  const advice = error ? adviceOf(error) : undefined
  if (advice) lines.push(text`  ${advice}`)
  if (execution.status === 'lost' || execution.effect === 'unknown') {
    lines.push(text`  Do not repeat it before you know. What is found out is shown by: twinlock request show ${number}`)
  }
  return joined(lines, '\n')
}

/** The same for `--json`, so that scripts need to look at `error` alone. */
export function executionProblem(execution: ExecutionView): Problem | undefined {
  const { error, status } = execution
  if (status === 'succeeded' && execution.effect !== 'unknown') return undefined
  const code =
    error?.code ?? (status === 'lost' ? 'agent_lost' : status === 'cancelled' ? 'cancelled' : 'outcome_unknown')
  const entry = entryOf(code)
  return {
    type: `urn:twinlock:execution-error:${code}`,
    title: entry?.title ?? 'The execution did not succeed',
    status: 0,
    code,
    detail: error?.message ?? entry?.title ?? 'The execution did not succeed',
    ...(error?.hint ? { hint: error.hint } : entry?.hint ? { hint: entry.hint } : {}),
  }
}

function headline({ status, effect }: ExecutionView): string {
  if (status === 'lost' || effect === 'unknown') return 'outcome unknown:'
  return status === 'cancelled' ? 'cancelled:' : 'failed:'
}

function reasonText(execution: ExecutionView): SafeText {
  const { error, agent } = execution
  if (execution.status === 'lost') return text`${agent ? `agent ${agent}` : 'the agent'} stopped answering while it ran`
  if (error) {
    const place = [
      error.statement !== null && execution.statements.length > 1 ? `statement ${error.statement}` : '',
      error.position !== null ? `character ${error.position}` : '',
      error.sqlstate !== null ? `SQLSTATE ${error.sqlstate}` : '',
    ].filter(Boolean)
    return text`${error.code}${place.length > 0 ? ` (${place.join(', ')})` : ''}`
  }
  return execution.status === 'cancelled' ? text`the execution was cancelled` : text`the agent gave no reason`
}

/** What a database says is said by its own message; what an agent refuses is named first. */
function errorLines(error: ExecutionError): SafeText[] {
  const entry = entryOf(error.code)
  const title = entry && (entry.by !== 'database' || error.message === '') ? entry.title : ''
  return [
    title,
    error.message === title ? '' : error.message,
    error.detail ?? '',
    error.hint && isDatabases(error) ? `hint: ${error.hint}` : '',
  ]
    .filter(Boolean)
    .map((part) => indented(printableLines(part), '  ', '  '))
}

/** A database's hint is about the SQL; ours says what to do. */
function adviceOf(error: ExecutionError): string | undefined {
  const ours = entryOf(error.code)?.hint ?? undefined
  return isDatabases(error) ? ours : (error.hint ?? ours)
}

function isDatabases({ code, sqlstate }: ExecutionError): boolean {
  const entry = entryOf(code)
  return entry ? entry.by === 'database' : sqlstate !== null
}

function entryOf(code: string) {
  return Object.hasOwn(EXECUTION_ERROR_CODES, code) ? EXECUTION_ERROR_CODES[code as ExecutionErrorCode] : undefined
}
