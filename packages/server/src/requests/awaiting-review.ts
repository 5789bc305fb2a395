import type { Context } from '../context.ts'
import type { Person } from '../identity/people.ts'
import { foldReviews, mayApprove } from './approval.ts'
import { type ListedOutline, listOutlinesBefore, type OutlineFilter, type RequestScope } from './outline-store.ts'
import { listReviewsOf } from './request-store.ts'

const PAGE = 500

/** The requests whose current step this person may decide, newest first: those that they could approve or reject now. */
export async function listOpenReviews(
  ctx: Pick<Context, 'db'>,
  who: {
    readonly viewer: Person
    readonly people: ReadonlyMap<string, Person>
    readonly scopes: readonly RequestScope[]
    readonly filter: OutlineFilter
  },
  beforeNumber: number,
  wanted: number,
): Promise<ListedOutline[]> {
  const { viewer, people, filter } = who
  const scopes = new Map(who.scopes.map((scope) => [scope.id, scope]))
  const found: ListedOutline[] = []
  for (let before = beforeNumber; found.length < wanted; ) {
    const outlines = await listOutlinesBefore(ctx.db.read, filter, before, PAGE)
    if (outlines.length === 0) break
    const reviews = await listReviewsOf(
      ctx.db.read,
      outlines.map(({ id }) => id),
    )
    for (const outline of outlines) {
      const scope = scopes.get(outline.scopeId)
      const given = reviews.get(outline.id) ?? []
      if (!scope || people.get(outline.requesterId)?.status !== 'active') continue
      if (given.some(({ reviewerId }) => reviewerId === viewer.id)) continue
      const { steps } = scope.workflow
      const current = steps[foldReviews(steps, given, people, scope).currentStep - 1]
      if (current && mayApprove(current, viewer, scope)) found.push(outline)
    }
    if (outlines.length < PAGE) break
    before = outlines.at(-1)?.number ?? 0
  }
  return found.slice(0, wanted)
}
