import type { WorkOrder } from '@twinlock/evidence'
import type { Analysis, Statement } from '@twinlock/sql'
import { type Refusal, refuse } from './refusal.ts'

export interface StatementsVerdict {
  readonly ok: true
  readonly readOnly: boolean
  readonly reuse: boolean
}

/** Checks an order against what the agent's own analysis of the joined statements finds in them. Pure. */
export function verifyStatements(order: WorkOrder, analysis: Analysis): StatementsVerdict | Refusal {
  if (!analysis.ok) return uncovered(`The statements cannot be read here: ${analysis.message}`)
  if (analysis.dialect !== order.dialect) return uncovered('The statements were read in another dialect.')
  const readOnly = order.operations.length === 1 && order.operations[0] === 'select'
  return (
    checkSlices(order, analysis.statements) ??
    checkForbidden(analysis.statements) ??
    checkTransactional(order, analysis.statements, readOnly) ??
    checkCovered(order, analysis.statements, readOnly) ?? {
      ok: true,
      readOnly,
      reuse: readOnly && analysis.statements.every(({ plainRead }) => plainRead),
    }
  )
}

function checkSlices(order: WorkOrder, found: readonly Statement[]): Refusal | undefined {
  const same = found.length === order.statements.length && found.every(({ sql }, i) => sql === order.statements[i]?.sql)
  return same ? undefined : uncovered('The statements are split in other places here.')
}

function checkForbidden(found: readonly Statement[]): Refusal | undefined {
  const index = found.findIndex(({ forbidden }) => forbidden !== null)
  const rule = found[index]?.forbidden?.rule
  return rule === undefined ? undefined : uncovered(`Statement ${index + 1} is never run: ${rule}.`)
}

function checkTransactional(order: WorkOrder, found: readonly Statement[], readOnly: boolean): Refusal | undefined {
  const index = found.findIndex(({ transactional }, i) => transactional !== order.statements[i]?.transactional)
  if (index >= 0) return uncovered(`Whether statement ${index + 1} can run in a transaction was judged otherwise.`)
  if (found.every(({ transactional }) => transactional)) return undefined
  if (found.length > 1) return uncovered('A statement that cannot run in a transaction does not stand alone.')
  // Outside a transaction nothing would keep it from writing.
  if (readOnly) return uncovered('A statement that only reads was to run outside a transaction.')
  return undefined
}

function checkCovered(order: WorkOrder, found: readonly Statement[], readOnly: boolean): Refusal | undefined {
  for (const [index, statement] of found.entries()) {
    if (order.operations.includes(statement.operation)) continue
    // The one doubt that READ ONLY is good enough for: a function this agent cannot resolve.
    if (readOnly && statement.readIfFunctionsHarmless) continue
    return uncovered(
      `Statement ${index + 1} is ${statement.operation} here, and ${order.operations.join(', ')} was approved.`,
    )
  }
  return undefined
}

function uncovered(message: string): Refusal {
  return refuse('operation_not_covered', message)
}
