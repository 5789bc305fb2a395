import { api, type ExecutionView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'
import type { Context } from '../context.ts'
import { incomplete, readResult } from './read-result.ts'
import type { ResultWriter } from './result-writer.ts'
import { statementSummary } from './summary.ts'

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
  if (execution.result === 'none' && execution.statements.every(({ row_count }) => !row_count)) return { truncated }
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
