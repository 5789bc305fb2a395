import { Readable } from 'node:stream'
import { api } from '@twinlock/contract'
import type { FastifyInstance } from 'fastify'
import type { Context } from '../context.ts'
import { streamRoute } from '../http/route.ts'
import { listAuditRecords } from './audit-store.ts'

const PAGE = 500

export function auditRoutes(app: FastifyInstance, ctx: Context): void {
  streamRoute(app, ctx, api.audit.export, async ({ query }) => Readable.from(exportLines(ctx, query.after)))
}

async function* exportLines(ctx: Pick<Context, 'db'>, after: number): AsyncGenerator<string> {
  for (let seq = after; ; ) {
    const records = await listAuditRecords(ctx.db.read, seq, PAGE)
    if (records.length > 0) yield records.map((record) => `${JSON.stringify(record)}\n`).join('')
    if (records.length < PAGE) return
    seq = records.at(-1)?.seq ?? seq
  }
}
