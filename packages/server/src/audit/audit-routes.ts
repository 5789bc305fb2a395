import { Readable } from 'node:stream'
import { api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { route, streamRoute } from '../http/route.ts'
import { assertStillMay } from '../identity/authority.ts'
import type { UserCaller } from '../identity/caller.ts'
import { listAuditRecords } from './audit-store.ts'
import { toEventView } from './event-view.ts'
import { listEvents } from './list-events.ts'

const PAGE = 500

export function auditRoutes(app: FastifyInstance, ctx: Context): void {
  streamRoute(app, ctx, api.audit.export, async ({ user, query }) => Readable.from(exportLines(ctx, user, query.after)))

  route(app, ctx, api.audit.events, async ({ user, query, signal }) => {
    const { items, nextCursor } = await listEvents(ctx, query, signal)
    if (query.wait > 0) await assertStillMay(ctx, ctx.db.read, user, 'audit:read')
    return { items: items.map(toEventView), next_cursor: nextCursor }
  })
}

/** A reader who takes their time gets no more of it than they may read by then. */
async function* exportLines(
  ctx: Pick<Context, 'db' | 'clock'>,
  user: UserCaller,
  after: number,
): AsyncGenerator<string> {
  for (let seq = after; ; ) {
    await assertStillMay(ctx, ctx.db.read, user, 'audit:read')
    const records = await listAuditRecords(ctx.db.read, seq, PAGE)
    if (records.length > 0) yield records.map((record) => `${JSON.stringify(record)}\n`).join('')
    if (records.length < PAGE) return
    seq = records.at(-1)?.seq ?? seq
  }
}
