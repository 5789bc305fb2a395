import { Readable } from 'node:stream'
import { api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { route, streamRoute } from '../http/route.ts'
import { listAuditRecords } from './audit-store.ts'
import { toEventView } from './event-view.ts'
import { listEvents } from './list-events.ts'

const PAGE = 500

export function auditRoutes(app: FastifyInstance, ctx: Context): void {
  streamRoute(app, ctx, api.audit.export, async ({ query }) => Readable.from(exportLines(ctx, query.after)))

  route(app, ctx, api.audit.events, async ({ query, signal }) => {
    const { items, nextCursor } = await listEvents(ctx, query, signal)
    return { items: items.map(toEventView), next_cursor: nextCursor }
  })
}

async function* exportLines(ctx: Pick<Context, 'db'>, after: number): AsyncGenerator<string> {
  for (let seq = after; ; ) {
    const records = await listAuditRecords(ctx.db.read, seq, PAGE)
    if (records.length > 0) yield records.map((record) => `${JSON.stringify(record)}\n`).join('')
    if (records.length < PAGE) return
    seq = records.at(-1)?.seq ?? seq
  }
}
