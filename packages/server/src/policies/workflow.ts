import type { OperationName, Role } from '@twinlock/contract'
import type { Limits } from '@twinlock/evidence'

/** Who may approve: people of a role, or one person; `min` of them. */
export type ApproverEntry =
  | { readonly role: Role; readonly min: number }
  | { readonly user: string; readonly min: number }

export interface WorkflowStep {
  /** `all`: every entry must be met; `any`: one is enough. */
  readonly mode: 'all' | 'any'
  readonly approvers: readonly ApproverEntry[]
}

/** The rule that says who must approve which operations on which targets, in which steps. */
export interface Workflow {
  /** A name, or `*` for every one. */
  readonly database: string
  readonly environment: string
  /** null: the operations a workflow covers unless it names others. */
  readonly operations: readonly OperationName[] | null
  readonly requireReason: boolean
  readonly autoApprove: 'never' | 'always'
  readonly pendingTtlS: number
  readonly approvalTtlS: number
  readonly maxExecutions: number
  /** For further executions, from the first start. */
  readonly executionWindowS: number
  readonly limits: Readonly<Limits>
  readonly steps: readonly WorkflowStep[]
}

/** `privileged` and `unparsed` must be named. */
const DEFAULT_OPERATIONS: readonly OperationName[] = [
  'select',
  'dml',
  'ddl',
  'migrate_up',
  'migrate_down',
  'migrate_status',
  'migrate_repair',
]

export interface TargetName {
  readonly database: string
  readonly environment: string
}

export function coveredOperations(workflow: Workflow): readonly OperationName[] {
  return workflow.operations ?? DEFAULT_OPERATIONS
}

export function coversTarget(workflow: Workflow, target: TargetName): boolean {
  return covers(workflow.database, target.database) && covers(workflow.environment, target.environment)
}

/**
 * Whether `a` is more specific than `b`: at least as narrow in database, environment and operations, and narrower in
 * one. Two workflows where each is narrower in something are in no order; both matching one case is a configuration error.
 */
export function isMoreSpecific(a: Workflow, b: Workflow): boolean {
  const narrower = [
    compareNames(a.database, b.database),
    compareNames(a.environment, b.environment),
    compareSets(coveredOperations(a), coveredOperations(b)),
  ]
  return narrower.every((order) => order === 'narrower' || order === 'same') && narrower.includes('narrower')
}

/** The one workflow for this target and operation; `ambiguous` when several match and none is the most specific. */
export function mostSpecific(
  workflows: readonly Workflow[],
  target: TargetName,
  operation: OperationName,
): Workflow | 'none' | 'ambiguous' {
  const matching = workflows.filter(
    (workflow) => coversTarget(workflow, target) && coveredOperations(workflow).includes(operation),
  )
  if (matching.length === 0) return 'none'
  return matching.find((one) => matching.every((other) => other === one || isMoreSpecific(one, other))) ?? 'ambiguous'
}

export interface WorkflowProblem {
  /** The workflow's place in the file, from 0. */
  readonly index: number
  readonly message: string
}

/** What is wrong with a list of workflows as a whole. */
export function findWorkflowProblems(
  workflows: readonly Workflow[],
  databases: readonly { readonly name: string; readonly environments: readonly string[] }[],
): WorkflowProblem[] {
  const problems: WorkflowProblem[] = []
  const targets = databases.flatMap(({ name, environments }) =>
    environments.map((environment) => ({ database: name, environment })),
  )
  workflows.forEach((workflow, index) => {
    if (workflow.autoApprove === 'never' && workflow.steps.length === 0)
      problems.push({
        index,
        message: 'has no steps and auto_approve = "never": nobody could approve; add [[workflows.steps]]',
      })
    if (workflow.autoApprove === 'always' && workflow.steps.length > 0)
      problems.push({
        index,
        message: 'has steps and auto_approve = "always": the steps would never be asked; remove one of the two',
      })
    if (workflow.autoApprove === 'always' && coveredOperations(workflow).includes('unparsed'))
      problems.push({
        index,
        message: 'auto-approves unparsed statements; what cannot be understood is for people to approve',
      })
    if (targets.length > 0 && !targets.some((target) => coversTarget(workflow, target)))
      problems.push({
        index,
        message: `covers no target: ${workflow.database}/${workflow.environment} is not in [[databases]]`,
      })
    const rival = findRival(workflows, index, targets)
    if (rival)
      problems.push({
        index,
        message: `and workflow ${rival.index + 1} both cover ${rival.operation} on ${rival.target.database}/${rival.target.environment}, and neither is more specific; make one narrower in every part, or merge them`,
      })
  })
  return problems
}

/** An earlier workflow that matches a case together with this one where none is the most specific. */
function findRival(workflows: readonly Workflow[], index: number, targets: readonly TargetName[]) {
  const workflow = workflows[index]
  if (!workflow) return undefined
  for (const target of targets)
    for (const operation of coveredOperations(workflow)) {
      if (mostSpecific(workflows, target, operation) !== 'ambiguous') continue
      const earlier = workflows.findIndex(
        (other, i) =>
          i < index &&
          coversTarget(other, target) &&
          coversTarget(workflow, target) &&
          coveredOperations(other).includes(operation) &&
          !isMoreSpecific(workflow, other) &&
          !isMoreSpecific(other, workflow),
      )
      if (earlier >= 0) return { index: earlier, target, operation }
    }
  return undefined
}

type Order = 'narrower' | 'same' | 'wider' | 'apart'

function covers(patternText: string, name: string): boolean {
  return patternText === '*' || patternText === name
}

function compareNames(a: string, b: string): Order {
  if (a === b) return 'same'
  if (a === '*') return 'wider'
  return b === '*' ? 'narrower' : 'apart'
}

function compareSets(a: readonly string[], b: readonly string[]): Order {
  const aInB = a.every((member) => b.includes(member))
  const bInA = b.every((member) => a.includes(member))
  if (aInB && bInA) return 'same'
  if (aInB) return 'narrower'
  return bInA ? 'wider' : 'apart'
}
