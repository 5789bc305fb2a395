import type { Forbidden, Operation, Reason } from '../analysis.ts'
import { forbid } from './forbidden.ts'

const ORDER: readonly Operation[] = ['select', 'dml', 'ddl', 'privileged', 'unparsed']

function strongest(a: Operation, b: Operation): Operation {
  return ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b
}

/** What a walk over one statement has found. A class is only ever raised. */
export interface Findings {
  operation: Operation
  /** The class that the statement would have if every unknown function were harmless. */
  operationWithoutUnknown: Operation
  forbidden: Forbidden | null
  reasons: Reason[]
  /** Keys of `reasons`. */
  said: Set<string>
  unknownFunctions: Set<string>
  changesSearchPath: boolean
  /** UTF-8 byte offset of the first `$1`. */
  parameter: number | undefined
}

export function noFindings(): Findings {
  return {
    operation: 'select',
    operationWithoutUnknown: 'select',
    forbidden: null,
    reasons: [],
    said: new Set(),
    unknownFunctions: new Set(),
    changesSearchPath: false,
    parameter: undefined,
  }
}

/** The same reason said again at another place adds nothing for a reader; a thousand of them would bury the others. */
function addReason({ reasons, said }: Findings, reason: Reason): void {
  const key = `${reason.code} ${reason.message}`
  if (said.has(key)) return
  said.add(key)
  reasons.push(reason)
}

export function raise(findings: Findings, operation: Operation, reason: Reason): void {
  findings.operation = strongest(findings.operation, operation)
  findings.operationWithoutUnknown = strongest(findings.operationWithoutUnknown, operation)
  addReason(findings, reason)
}

export function raiseUnknown(findings: Findings, name: string, reason: Reason): void {
  findings.operation = strongest(findings.operation, 'dml')
  findings.unknownFunctions.add(name)
  addReason(findings, reason)
}

export function refuse(findings: Findings, rule: string, position: number): void {
  const forbidden = forbid(rule)
  findings.forbidden ??= forbidden
  raise(findings, 'privileged', { code: rule, message: forbidden.message, position })
}
