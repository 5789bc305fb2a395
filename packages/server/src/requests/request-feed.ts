import { topicOf } from '../changes.ts'
import type { Context } from '../context.ts'
import { createFeed, type Feed } from '../feed.ts'
import { listOutlines, type RequestOutline } from './outline-store.ts'

const BATCH = 500

/** For those who watch lists of requests. */
export type RequestFeed = Feed<RequestOutline>

export function createRequestFeed(ctx: Pick<Context, 'db' | 'changes' | 'logger'>): RequestFeed {
  const changed = new Set<string>()
  const feed = createFeed(
    'requests',
    ctx.changes,
    async () => {
      const ids = [...changed]
      changed.clear()
      const outlines: RequestOutline[] = []
      for (let i = 0; i < ids.length; i += BATCH)
        outlines.push(...(await listOutlines(ctx.db.read, ids.slice(i, i + BATCH))))
      return outlines
    },
    (error) =>
      ctx.logger.error({ err: error }, 'changed requests could not be read; everybody who watches reads again'),
  )
  ctx.changes.watch((topics) => {
    if (!feed.isWatched()) return
    for (const topic of topics) if (topic.startsWith('request:')) changed.add(topic.slice('request:'.length))
    if (changed.size > 0) feed.stir()
    if (topics.includes(topicOf.people)) feed.stirAll()
  })
  return feed
}
