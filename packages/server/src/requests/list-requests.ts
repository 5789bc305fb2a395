import { AppError, type RequestStatus } from '@twinlock/contract'
import type { Context } from '../context.ts'
import type { UserCaller } from '../identity/caller.ts'
import { canSee } from './request-access.ts'
import { listRequestsBefore, type RequestRecord } from './request-store.ts'

const PAGE = 200

/** One page of the requests a person may see, newest first; those that are not for their eyes are left out. */
export async function listRequests(
  ctx: Pick<Context, 'db'>,
  user: UserCaller,
  query: { readonly status?: RequestStatus | undefined; readonly cursor?: string | undefined; readonly limit: number },
): Promise<{ items: RequestRecord[]; nextCursor: string | null }> {
  const { status, cursor, limit } = query
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) throw new AppError('invalid_cursor')
  const visible: RequestRecord[] = []
  let beforeNumber = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
  while (visible.length <= limit) {
    const page = await listRequestsBefore(ctx.db.read, { beforeNumber, status }, PAGE)
    visible.push(...page.filter((request) => canSee(user, request)))
    beforeNumber = page.at(-1)?.number ?? 0
    if (page.length < PAGE) break
  }
  const items = visible.slice(0, limit)
  return { items, nextCursor: visible.length > items.length ? String(items.at(-1)?.number) : null }
}
