import { can, holdsRole } from '@twinlock/contract'
import type { Person } from '../identity/people.ts'
import type { ApproverEntry, TargetName, WorkflowStep } from '../policies/workflow.ts'

export interface Review {
  readonly step: number
  readonly decision: 'approve' | 'reject'
  readonly reviewerId: string
  readonly comment: string | null
  readonly at: number
}

export interface StepProgress {
  readonly done: boolean
  /** For each approver entry, the people whose approval counts for it. */
  readonly countedFor: readonly (readonly Person[])[]
}

export interface Progress {
  readonly steps: readonly StepProgress[]
  /** 1-based number of the first step that is not done; the number of steps once all are. */
  readonly currentStep: number
  readonly complete: boolean
}

/**
 * How far the reviews of a request bring it, by the roles people have now: an approval by somebody who has lost the role
 * meanwhile, or is suspended or removed, does not count. One person counts once: for one entry of one step.
 */
export function foldReviews(
  steps: readonly WorkflowStep[],
  reviews: readonly Review[],
  people: ReadonlyMap<string, Person>,
  target: TargetName,
): Progress {
  const folded: StepProgress[] = []
  for (const [i, step] of steps.entries()) {
    const ids = reviews
      .filter((review) => review.step === i + 1 && review.decision === 'approve')
      .map((review) => review.reviewerId)
    const approvers = [...new Set(ids)].flatMap((id) => people.get(id) ?? [])
    folded.push(foldStep(step, approvers, target))
  }
  const open = folded.findIndex((step) => !step.done)
  return { steps: folded, currentStep: open < 0 ? steps.length : open + 1, complete: open < 0 }
}

/** Being named by a workflow is not enough: it takes a role that reviews on this target. */
export function isApprover(entry: ApproverEntry, person: Person, target: TargetName): boolean {
  if (person.status !== 'active' || !can(person.roles, 'request:review', target)) return false
  return 'user' in entry ? entry.user === person.name : holdsRole(person.roles, entry.role, target)
}

/** Whether a review by this person could count for the step. */
export function mayApprove(step: WorkflowStep, person: Person, target: TargetName): boolean {
  return step.approvers.some((entry) => isApprover(entry, person, target))
}

function foldStep(step: WorkflowStep, approvers: readonly Person[], target: TargetName): StepProgress {
  if (step.mode === 'any') {
    const countedFor = step.approvers.map((entry) => approvers.filter((person) => isApprover(entry, person, target)))
    return { countedFor, done: step.approvers.some((entry, i) => (countedFor[i]?.length ?? 0) >= entry.min) }
  }
  const countedFor = assign(step.approvers, approvers, target)
  return { countedFor, done: step.approvers.every((entry, i) => (countedFor[i]?.length ?? 0) >= entry.min) }
}

/**
 * Assigns each approver to at most one place (an entry has `min` of them), as many as can be placed: a maximum bipartite
 * matching by augmenting paths. "Two approvers" are two people, also where one of them fits both entries.
 */
function assign(entries: readonly ApproverEntry[], approvers: readonly Person[], target: TargetName): Person[][] {
  const placeEntries = entries.flatMap((entry, i) => Array.from({ length: entry.min }, () => i))
  const holders: (Person | undefined)[] = placeEntries.map(() => undefined)

  function place(person: Person, tried: Set<number>): boolean {
    for (const [at, entryIndex] of placeEntries.entries()) {
      const entry = entries[entryIndex]
      if (tried.has(at) || !entry || !isApprover(entry, person, target)) continue
      tried.add(at)
      const holder = holders[at]
      if (holder === undefined || place(holder, tried)) {
        holders[at] = person
        return true
      }
    }
    return false
  }

  for (const person of approvers) place(person, new Set())
  return entries.map((_, i) => holders.flatMap((holder, at) => (holder && placeEntries[at] === i ? [holder] : [])))
}
