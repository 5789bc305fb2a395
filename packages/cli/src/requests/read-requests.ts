import { api, type EndpointInput, type RequestView } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'

type ListQuery = NonNullable<EndpointInput<typeof api.requests.list>['query']>

const PAGE = 200

/** Page after page until there are `limit`; `more` when there would be others. */
export async function readRequests(
  client: Client,
  query: ListQuery,
  limit: number,
  signal: AbortSignal,
): Promise<{ readonly items: RequestView[]; readonly more: boolean; readonly version: string }> {
  const items: RequestView[] = []
  let cursor: string | undefined
  let version = ''
  do {
    const page = await client.call(
      api.requests.list,
      { query: { ...query, limit: Math.min(limit - items.length, PAGE), ...(cursor ? { cursor } : {}) } },
      { signal },
    )
    version ||= page.version
    items.push(...page.items)
    cursor = page.items.length > 0 ? (page.next_cursor ?? undefined) : undefined
  } while (cursor !== undefined && items.length < limit)
  return { items: items.slice(0, limit), more: cursor !== undefined, version }
}
