import type { RequestView } from '@twinlock/contract'
import { printableLines } from '../terminal/printable.ts'
import { indented, joined, type SafeText, text } from '../terminal/safe-text.ts'

type Step = RequestView['steps'][number]

/** `#1042  dml on app/production` */
export function requestTitle(request: RequestView): SafeText {
  return text`#${request.number}  ${request.operations.join(', ')} on ${targetOf(request)}`
}

export function targetOf(request: Pick<RequestView, 'database' | 'environment'>): string {
  return `${request.database}/${request.environment}`
}

/** `1 approval from role:admin (bob, carol)`: what a pending request waits for. */
export function missingApprovals(request: RequestView): SafeText {
  const step = request.steps[request.current_step - 1]
  if (!step) return text`a decision`
  const parts = step.approvers
    .map((entry) => ({ entry, missing: entry.min - entry.approved_by.length }))
    .filter(({ missing }) => missing > 0)
    .map(({ entry, missing }) => {
      const people = entry.candidates.length > 0 ? ` (${entry.candidates.join(', ')})` : ''
      return text`${missing} approval${missing === 1 ? '' : 's'} from ${selectorOf(entry)}${people}`
    })
  const position = request.steps.length > 1 ? text` (step ${request.current_step} of ${request.steps.length})` : text``
  return text`${joined(parts, step.mode === 'any' ? ' or ' : ' and ')}${position}`
}

/** Nobody can approve it: it would wait until it expires. */
export function nobodyCanApprove(request: RequestView): boolean {
  const step = request.steps[request.current_step - 1]
  if (!step) return false
  const stuck = step.approvers.map(
    (entry) => entry.approved_by.length < entry.min && entry.candidates.length < entry.min - entry.approved_by.length,
  )
  return step.mode === 'any' ? stuck.every(Boolean) : stuck.some(Boolean)
}

function selectorOf(entry: Step['approvers'][number]): string {
  if (entry.role !== undefined) return `role:${entry.role}`
  return entry.user !== undefined ? `user:${entry.user}` : 'a selector this version does not know'
}

/** `approved by bob: "checked the ticket"`, one line a review, from `since` on. */
export function reviewLines(request: RequestView, since = 0): SafeText[] {
  return request.reviews.slice(since).map((review) => {
    const verb = review.decision === 'approve' ? 'approved' : 'rejected'
    const step = request.steps.length > 1 ? ` (step ${review.step} of ${request.steps.length})` : ''
    return text`${verb} by ${review.by}${step}${review.comment === null ? '' : `: "${review.comment}"`}`
  })
}

/** `bob: why not in one transaction?`, with its further lines below it, from `since` on. */
export function commentLines(request: RequestView, since = 0): SafeText[] {
  return request.comments
    .slice(since)
    .flatMap(({ by, text: comment }) =>
      printableLines(comment).map((line, i) => indented([line], i === 0 ? text`${by}: `.safe : '  ', '')),
    )
}

/** Why nothing goes on. */
export function frozenText(request: RequestView): SafeText {
  return text`frozen: ${request.requester} is suspended, and nobody can decide until they are activated`
}
