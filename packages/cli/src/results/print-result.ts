import { AppError, api, type ExecutionView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import type { Context } from '../context.ts'
import { incomplete, readResult } from './read-result.ts'
import type { ResultWriter } from './result-writer.ts'
import { GONE_BECAUSE, statementSummary, summaryLine } from './summary.ts'

/**
 * Prints the result of an execution that has ended, as it arrives, with what each statement did after its rows.
 * Throws when it is not whole; what came before is printed. A failed execution may end in the middle of a statement.
 */
export async function printResult(
  ctx: Context,
  client: Client,
  execution: ExecutionView,
  writer: ResultWriter,
): Promise<{ readonly truncated: boolean }> {
  let truncated = false
  let ended = 0
  if (hasNothingToRead(execution)) return { truncated }
  if (execution.status === 'succeeded' && (execution.result === 'discarded' || execution.result === 'expired'))
    throw goneResult(execution)
  const bytes = await client.stream(
    api.executions.result,
    { params: { id: execution.id } },
    { signal: ctx.io.interrupt },
  )
  const many = execution.statements.length > 1
  let statement = 0
  let open = false
  try {
    for await (const line of readResult(bytes)) {
      if ('statement' in line) {
        statement = line.statement
        open = true
        await writer.header(line.columns, statement)
      } else if ('rows' in line) await writer.rows(line.rows)
      else {
        open = false
        ended++
        truncated ||= line.truncated
        await writer.end(line)
        if (many && !ctx.json) await ctx.say(statementSummary(statement, line))
      }
    }
  } catch (error) {
    if (open) await writer.end()
    throw error
  }
  // A stream cut between two statements looks like a shorter one.
  const missing = execution.statements.length - ended
  if (execution.status === 'succeeded' && missing > 0)
    throw incomplete(`The result of ${missing === 1 ? 'a statement' : `${missing} statements`} is missing`)
  return { truncated }
}

/** What changed rows and returned none has lost nothing with its result. */
function hasNothingToRead({ result, statements }: ExecutionView): boolean {
  if (result === 'none') return statements.every(({ row_count }) => !row_count)
  return (result === 'discarded' || result === 'expired') && statements.every(({ row_count }) => row_count === null)
}

/** That it ran comes first: nobody must take it for a failure and repeat it. */
function goneResult(execution: ExecutionView): AppError {
  const { request_number: number, result, result_reason: reason } = execution
  const why = reason === null ? '' : `: ${GONE_BECAUSE[reason]}`
  const what = summaryLine({ ...execution, duration_ms: null, agent: null }, false).safe
  const committed = execution.effect === 'committed' ? ' and was committed' : ''
  return new AppError(result === 'expired' ? 'result_expired' : 'result_discarded', {
    detail: `#${number} succeeded (${what})${committed}, but its rows are ${result === 'expired' ? 'gone' : 'not there'}${why}`,
    hint:
      execution.effect === 'committed'
        ? `Do not repeat it. What it did: twinlock request show ${number}`
        : 'To have them, ask for the same statement again.',
  })
}
