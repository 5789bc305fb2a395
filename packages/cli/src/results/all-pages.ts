interface Page<T> {
  readonly items: readonly T[]
  readonly next_cursor: string | null
}

/** The items of one page after another, at most `limit` of them. */
export async function allPages<T>(
  read: (query: { limit: number; cursor?: string }) => Promise<Page<T>>,
  limit = Number.POSITIVE_INFINITY,
): Promise<{ readonly items: readonly T[]; readonly more: boolean }> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page = await read({ limit: Math.min(limit - items.length, 200), ...(cursor ? { cursor } : {}) })
    items.push(...page.items)
    cursor = page.items.length > 0 ? (page.next_cursor ?? undefined) : undefined
  } while (cursor !== undefined && items.length < limit)
  return { items: items.slice(0, limit), more: cursor !== undefined }
}
