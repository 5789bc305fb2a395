import { AppError, type api, type EndpointResponse, type RequestStatus } from '@twinlock/contract'
import { digestOf } from '@twinlock/evidence'
import type { Context } from '../context.ts'
import type { UserCaller } from '../identity/caller.ts'
import { type Person, readPeople } from '../identity/people.ts'
import { listOpenReviews } from './awaiting-review.ts'
import { countCommentLength } from './comment-store.ts'
import { type ListWish, matchesOutline, toOutlineFilter } from './list-filter.ts'
import {
  type ListedOutline,
  listOutlinesBefore,
  listScopes,
  type OutlineFilter,
  type RequestOutline,
} from './outline-store.ts'
import { listRequestsById, type RequestRecord } from './request-store.ts'

type Answer = EndpointResponse<typeof api.requests.list>

export interface ListQuery {
  readonly status?: RequestStatus | undefined
  readonly target?: string | undefined
  readonly requester?: string | undefined
  readonly awaiting?: 'me' | undefined
  readonly version?: string | undefined
  readonly wait: number
  readonly cursor?: string | undefined
  readonly limit: number
}

const LAST = Number.MAX_SAFE_INTEGER
/** A page ends early rather than carry more SQL and comments than this, in characters. */
const MAX_PAGE_LENGTH = 2 * 1024 * 1024
/** Each may carry a megabyte. */
const LOADED_AT_ONCE = 10

/** Renders what a list shows. */
export type RenderList = (
  requests: readonly RequestRecord[],
  people: ReadonlyMap<string, Person>,
) => Promise<Answer['items']>

type ListContext = Pick<Context, 'db' | 'changes' | 'requestFeed'>

/**
 * One page of the requests a person may see, newest first; those that are not for their eyes are left out. With the version
 * of an earlier answer and some seconds to wait, as soon as the page is another.
 */
export async function listRequests(
  ctx: ListContext,
  user: UserCaller,
  query: ListQuery,
  signal: AbortSignal,
  render: RenderList,
): Promise<Answer> {
  if (query.cursor !== undefined && !/^\d{1,15}$/.test(query.cursor)) throw new AppError('invalid_cursor')
  if (query.wait === 0 || query.version === undefined) return (await readPage(ctx, user, query, render)).answer
  return awaitChange(ctx, user, query, signal, render)
}

async function awaitChange(
  ctx: ListContext,
  user: UserCaller,
  query: ListQuery,
  signal: AbortSignal,
  render: RenderList,
): Promise<Answer> {
  let page: Page | undefined
  // Before the page is read for the first time, whatever changes may concern it.
  using member = ctx.requestFeed.join((outline) => page?.concerns(outline) ?? true)
  page = await readPage(ctx, user, query, render)
  if (page.answer.version === query.version)
    await ctx.changes.waitFor([member.topic], query.wait * 1000, signal, async () => {
      if (!member.wasStirred()) return undefined
      page = await ctx.requestFeed.inTurn(() => readPage(ctx, user, query, render))
      return page.answer.version === query.version ? undefined : page
    })
  return page.answer
}

interface Page {
  readonly answer: Answer
  /** Whether a request that has changed may be on this page, or was. */
  readonly concerns: (outline: RequestOutline) => boolean
}

async function readPage(ctx: ListContext, user: UserCaller, query: ListQuery, render: RenderList): Promise<Page> {
  const db = ctx.db.read
  const people = await readPeople(db)
  // By the roles held now, not by those at the beginning of the wait.
  const viewer = people.get(user.id) ?? { ...user, roles: [] }
  const scopes = await listScopes(db)
  const wish = toWish(query, people)
  const filter = wish && toOutlineFilter(viewer, scopes, wish)
  const outlines = filter ? await listMatching(ctx, viewer, people, scopes, filter, query) : []
  const items = await loadPage(ctx, outlines.slice(0, query.limit))
  const isLast = items.length >= outlines.length
  const body = {
    items: await render(items, people),
    next_cursor: isLast ? null : String(items.at(-1)?.number),
  }
  const shown = new Set(items.map(({ id }) => id))
  const known = new Set(scopes.map(({ id }) => id))
  return {
    answer: { ...body, version: digestOf(Buffer.from(JSON.stringify(body))) },
    concerns: (outline) =>
      shown.has(outline.id) || !known.has(outline.scopeId) || (filter !== undefined && matchesOutline(filter, outline)),
  }
}

/** undefined: nobody has asked for what would be on the list. */
function toWish(query: ListQuery, people: ReadonlyMap<string, Person>): ListWish | undefined {
  const [database, environment] = query.target?.split('/') ?? []
  const requester = [...people.values()].find(({ name }) => name === query.requester)
  if (query.requester !== undefined && requester === undefined) return undefined
  return {
    status: query.status,
    target: database === undefined ? undefined : { database, environment },
    requesterId: requester?.id,
    awaiting: query.awaiting === 'me',
  }
}

/** The page's outlines, and one more where there is one. */
async function listMatching(
  ctx: ListContext,
  viewer: Person,
  people: ReadonlyMap<string, Person>,
  scopes: Awaited<ReturnType<typeof listScopes>>,
  filter: OutlineFilter,
  query: ListQuery,
): Promise<ListedOutline[]> {
  const before = query.cursor === undefined ? LAST : Number(query.cursor)
  if (query.awaiting === undefined) return listOutlinesBefore(ctx.db.read, filter, before, query.limit + 1)
  return listOpenReviews(ctx, { viewer, people, scopes, filter }, before, query.limit + 1)
}

async function loadPage(ctx: ListContext, outlines: readonly ListedOutline[]): Promise<RequestRecord[]> {
  const ids = outlines.map(({ id }) => id)
  const comments = await countCommentLength(ctx.db.read, ids)
  const items: RequestRecord[] = []
  let length = 0
  for (let i = 0; i < ids.length; i += LOADED_AT_ONCE)
    for (const request of await listRequestsById(ctx.db.read, ids.slice(i, i + LOADED_AT_ONCE))) {
      length += request.sql.length + (comments.get(request.id) ?? 0)
      if (items.length > 0 && length > MAX_PAGE_LENGTH) return items
      items.push(request)
    }
  return items
}
