import { AppError, type RequestStatus } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { UserCaller } from '../identity/caller.ts'
import { canSee, maySeeOthers } from './request-access.ts'
import { findRequest, listRequestsBefore, type RequestRecord } from './request-store.ts'

const PAGE = 500
const LAST = Number.MAX_SAFE_INTEGER
/** A page ends early rather than carry more SQL than this, in characters. */
const MAX_PAGE_LENGTH = 2 * 1024 * 1024

/** One page of the requests a person may see, newest first; those that are not for their eyes are left out. */
export async function listRequests(
  ctx: Pick<Context, 'db'>,
  user: UserCaller,
  query: { readonly status?: RequestStatus | undefined; readonly cursor?: string | undefined; readonly limit: number },
): Promise<{ items: RequestRecord[]; nextCursor: string | null }> {
  const { cursor, limit } = query
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) throw new AppError('invalid_cursor')
  const numbers = await visibleNumbers(ctx, user, query.status, cursor === undefined ? LAST : Number(cursor), limit + 1)
  const items: RequestRecord[] = []
  let length = 0
  for (const number of numbers.slice(0, limit)) {
    const request = await findRequest(ctx.db.read, String(number))
    if (!request) continue
    length += request.sql.length
    if (items.length > 0 && length > MAX_PAGE_LENGTH) break
    items.push(request)
  }
  const isLast = items.length >= numbers.length
  return { items, nextCursor: isLast ? null : String(items.at(-1)?.number) }
}

/** Looks through the requests without their texts. */
async function visibleNumbers(
  ctx: Pick<Context, 'db'>,
  user: UserCaller,
  status: RequestStatus | undefined,
  cursor: number,
  wanted: number,
): Promise<number[]> {
  const onlyOf = maySeeOthers(user) ? undefined : user.id
  const numbers: number[] = []
  for (let beforeNumber = cursor; numbers.length < wanted; ) {
    const page = await listRequestsBefore(ctx.db.read, { beforeNumber, status, requesterId: onlyOf }, PAGE)
    numbers.push(...page.filter((request) => canSee(user, request)).map(({ number }) => number))
    if (page.length < PAGE) break
    beforeNumber = page.at(-1)?.number ?? 0
  }
  return numbers.slice(0, wanted)
}
