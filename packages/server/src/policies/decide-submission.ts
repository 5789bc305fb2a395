import { can, formatRoleAssignment, type OperationName, type RoleAssignment } from '@twinlock/contract'
import type { Analysis } from '@twinlock/sql'
import { coveredOperations, mostSpecific, type TargetName, type Workflow } from './workflow.ts'

export interface Submission {
  readonly roles: readonly RoleAssignment[]
  readonly target: TargetName
  readonly analysis: Extract<Analysis, { ok: true }>
  readonly reason: string | undefined
}

export type DenialCode =
  | 'statement_forbidden'
  | 'operation_not_permitted'
  | 'no_matching_workflow'
  | 'mixed_operations'
  | 'mixed_transactionality'
  | 'reason_required'
  | 'policy_error'

/** A verdict of policy. Everything but an explicit workflow is a denial. */
export type Decision =
  | { readonly allowed: true; readonly workflow: Workflow; readonly autoApproved: boolean }
  | { readonly allowed: false; readonly code: DenialCode; readonly detail: string; readonly hint?: string }

/** Decides a submission by the rules alone. Pure; what it throws counts as a denial. */
export function decideSubmission(workflows: readonly Workflow[], submission: Submission): Decision {
  const { analysis, roles, target } = submission
  const { operations, statements } = analysis
  const place = `${target.database}/${target.environment}`
  const forbiddenAt = statements.findIndex((statement) => statement.forbidden)
  const forbidden = statements[forbiddenAt]?.forbidden
  if (forbidden)
    return {
      allowed: false,
      code: 'statement_forbidden',
      detail: `statement ${forbiddenAt + 1}: ${forbidden.message}`,
      hint: forbidden.hint,
    }
  const notPermitted = operations.filter((operation) => !can(roles, `sql:${operation}`, target))
  if (notPermitted.length > 0)
    return {
      allowed: false,
      code: 'operation_not_permitted',
      detail: `your ${roles.length === 1 ? 'role' : 'roles'} (${roles.map(formatRoleAssignment).join(', ') || 'none'}) do not allow ${notPermitted.join(' and ')} statements${because(submission, notPermitted)}`,
    }
  const found = operations.map((operation) => mostSpecific(workflows, target, operation))
  const [workflow] = found
  if (found.includes('ambiguous'))
    return { allowed: false, code: 'policy_error', detail: `two workflows for ${place} contradict each other` }
  const uncovered = operations.filter((_, i) => found[i] === 'none')
  if (uncovered.includes('unparsed')) return unparsedDenial(submission, place)
  if (uncovered.length > 0 || workflow === undefined || typeof workflow === 'string')
    return {
      allowed: false,
      code: 'no_matching_workflow',
      detail: `no workflow covers ${uncovered.join(' and ')} on ${place}${because(submission, uncovered)}`,
    }
  if (found.some((other) => other !== workflow))
    return {
      allowed: false,
      code: 'mixed_operations',
      detail: `${operations.join(' and ')} on ${place} are approved under different workflows`,
    }
  if (statements.length > 1 && statements.some((statement) => !statement.transactional))
    return {
      allowed: false,
      code: 'mixed_transactionality',
      detail: `statement ${statements.findIndex((statement) => !statement.transactional) + 1} cannot run in a transaction with the others`,
    }
  if (workflow.requireReason && submission.reason === undefined)
    return { allowed: false, code: 'reason_required', detail: `requests for ${place} need a reason` }
  return { allowed: true, workflow, autoApproved: isAutoApproved(workflow, operations) }
}

function isAutoApproved(workflow: Workflow, operations: readonly OperationName[]): boolean {
  return (
    workflow.autoApprove === 'always' &&
    !operations.includes('unparsed') &&
    operations.every((operation) => coveredOperations(workflow).includes(operation))
  )
}

/** Most often a slip of the pen: what the parser says comes first. */
function unparsedDenial({ analysis }: Submission, place: string): Decision {
  const reason = analysis.statements.flatMap(({ reasons }) => reasons)[0]
  const at = reason?.position === undefined ? '' : ` at character ${reason.position + 1}`
  return {
    allowed: false,
    code: 'no_matching_workflow',
    detail: `${reason?.message ?? 'The SQL cannot be parsed'}${at}; and no workflow allows unparsed statements on ${place}`,
    hint: 'Correct the SQL. Where it is right and only too new or too unusual to be understood, ask an administrator for a workflow that names "unparsed".',
  }
}

/** Why a statement is what it is, where that may surprise: `(statement 2: calls f(), which is not a built-in)`. */
function because({ analysis }: Submission, operations: readonly OperationName[]): string {
  const index = analysis.statements.findIndex(
    (statement) => operations.includes(statement.operation) && statement.reasons.length > 0,
  )
  const reason = analysis.statements[index]?.reasons[0]
  return reason ? ` (statement ${index + 1}: ${reason.message})` : ''
}
