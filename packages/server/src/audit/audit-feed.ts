import type { Context } from '../context.ts'
import { createFeed, type Feed } from '../feed.ts'
import { type AuditOutline, findLastSeq, listAuditOutlines } from './audit-store.ts'

const BATCH = 500

/** For those who follow the log. */
export type AuditFeed = Feed<AuditOutline>

export function createAuditFeed(ctx: Pick<Context, 'db' | 'changes' | 'logger'>): AuditFeed {
  let last: number | undefined
  const feed = createFeed(
    'audit',
    ctx.changes,
    async () => {
      const from = last
      if (from === undefined) {
        last = await findLastSeq(ctx.db.read)
        return undefined
      }
      const range = { above: from, below: Number.MAX_SAFE_INTEGER }
      const outlines = await listAuditOutlines(ctx.db.read, undefined, range, 'asc', BATCH)
      last = outlines.at(-1)?.seq ?? from
      return outlines.length < BATCH ? outlines : undefined
    },
    (error) =>
      ctx.logger.error({ err: error }, 'new audit events could not be read; everybody who follows reads again'),
  )
  ctx.db.onCommit(() => {
    if (feed.isWatched()) feed.stir()
    else last = undefined
  })
  return feed
}
