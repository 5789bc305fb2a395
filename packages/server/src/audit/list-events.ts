import { AppError } from '@twinlock/contract'
import { type AuditBody, auditBodySchema } from '@twinlock/evidence'
import type { Context } from '../context.ts'
import { readRequestId } from '../requests/read-requests.ts'
import { type AuditSearch, isExact, matchesSearch, toSearchKeys, toTypes } from './audit-search.ts'
import {
  type AuditOutline,
  findFirstSince,
  findLastSeq,
  findLastUntil,
  listAuditOutlines,
  listAuditRecordsBySeq,
  type SeqRange,
} from './audit-store.ts'

export interface EventQuery {
  readonly type?: string | undefined
  readonly actor?: string | undefined
  readonly subject?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly after?: number | undefined
  readonly wait: number
  readonly cursor?: string | undefined
  readonly limit: number
}

/** A record's body as it is stored, with its place in the log. */
export interface Event extends AuditBody {
  readonly seq: number
  readonly hash: string
}

export interface EventPage {
  readonly items: readonly Event[]
  /** Where to go on: there is more, or with `after`, what has been looked at. */
  readonly nextCursor: string | null
}

/** A call looks at no more records than this, however long the log and however rare what it looks for. */
const MAX_EXAMINED = 10_000
const FIRST_LOOK = 500
const END = Number.MAX_SAFE_INTEGER

type AuditContext = Pick<Context, 'db' | 'changes' | 'auditFeed'>

/** Events newest first; with `after`, those that followed, oldest first, as soon as there is one. */
export async function listEvents(ctx: AuditContext, query: EventQuery, signal: AbortSignal): Promise<EventPage> {
  if (query.cursor !== undefined && !/^\d{1,15}$/.test(query.cursor)) throw new AppError('invalid_cursor')
  const search = await toSearch(ctx, query)
  if (query.after === undefined) return listBackwards(ctx, search, query)
  const from = query.cursor === undefined ? query.after : Number(query.cursor)
  return follow(ctx, search, query, from, signal)
}

async function listBackwards(ctx: AuditContext, search: AuditSearch, query: EventQuery): Promise<EventPage> {
  const range = await toRange(ctx, query, { above: 0, below: query.cursor === undefined ? END : Number(query.cursor) })
  const found = await examine(ctx, search, range, 'desc', query.limit)
  return { items: await load(ctx, found.seqs), nextCursor: found.isWhole ? null : String(found.last) }
}

async function follow(
  ctx: AuditContext,
  search: AuditSearch,
  query: EventQuery,
  from: number,
  signal: AbortSignal,
): Promise<EventPage> {
  let position = from
  const next = async () => {
    // Before the look: what is written meanwhile comes with the next one.
    const end = Math.max(position, await findLastSeq(ctx.db.read))
    const range = await toRange(ctx, query, { above: position, below: end + 1 })
    const found = await examine(ctx, search, range, 'asc', query.limit)
    position = found.isWhole ? end : found.last
    return found
  }
  using member = ctx.auditFeed.join((outline) => matchesSearch(search, outline))
  let found = await next()
  if (found.seqs.length === 0 && found.isWhole && query.wait > 0)
    await ctx.changes.waitFor([member.topic], query.wait * 1000, signal, async () => {
      if (!member.wasStirred()) return undefined
      found = await ctx.auditFeed.inTurn(next)
      return found.seqs.length > 0 || !found.isWhole ? found : undefined
    })
  return { items: await load(ctx, found.seqs), nextCursor: String(position) }
}

interface Found {
  readonly seqs: readonly number[]
  /** The last record that was looked at, when there are more. */
  readonly last: number
  readonly isWhole: boolean
}

async function examine(
  ctx: Pick<Context, 'db'>,
  search: AuditSearch,
  range: SeqRange,
  order: 'asc' | 'desc',
  limit: number,
): Promise<Found> {
  const seqs: number[] = []
  let rest = range
  let last = order === 'asc' ? range.above : range.below
  const firstLook = isExact(search) ? limit + 1 : Math.max(limit + 1, FIRST_LOOK)
  for (let examined = 0; examined < MAX_EXAMINED; ) {
    const wanted = examined === 0 ? firstLook : MAX_EXAMINED - examined
    const outlines = await look(ctx, search, rest, order, wanted)
    for (const outline of outlines) {
      if (matchesSearch(search, outline)) {
        if (seqs.length === limit) return { seqs, last, isWhole: false }
        seqs.push(outline.seq)
      }
      last = outline.seq
    }
    if (outlines.length < wanted) return { seqs, last, isWhole: true }
    examined += outlines.length
    rest = order === 'asc' ? { ...rest, above: last } : { ...rest, below: last }
  }
  return { seqs, last, isWhole: false }
}

/** The next records that may be looked for, by all keys of the search together. */
async function look(
  ctx: Pick<Context, 'db'>,
  search: AuditSearch,
  range: SeqRange,
  order: 'asc' | 'desc',
  limit: number,
): Promise<AuditOutline[]> {
  const found: AuditOutline[] = []
  for (const key of toSearchKeys(search))
    found.push(...(await listAuditOutlines(ctx.db.read, key, range, order, limit)))
  found.sort((a, b) => (order === 'asc' ? a.seq - b.seq : b.seq - a.seq))
  return found.slice(0, limit)
}

async function toSearch(ctx: Pick<Context, 'db'>, query: EventQuery): Promise<AuditSearch> {
  return {
    types: query.type === undefined ? undefined : toTypes(query.type),
    actorId: query.actor,
    subject: query.subject === undefined ? undefined : await toSubject(ctx, query.subject),
  }
}

/** A request, by id or number, stands for its executions too. */
async function toSubject(ctx: Pick<Context, 'db'>, text: string): Promise<NonNullable<AuditSearch['subject']>> {
  if (text.startsWith('req_')) return { by: 'request_id', value: text }
  const requestId = /^[1-9]\d{0,14}$/.test(text) ? await readRequestId(ctx.db.read, text) : undefined
  return requestId === undefined ? { by: 'subject_id', value: text } : { by: 'request_id', value: requestId }
}

async function toRange(ctx: Pick<Context, 'db'>, query: EventQuery, range: SeqRange): Promise<SeqRange> {
  let { above, below } = range
  if (query.since !== undefined) {
    const first = await findFirstSince(ctx.db.read, Date.parse(query.since))
    above = Math.max(above, first === undefined ? END : first - 1)
  }
  if (query.until !== undefined) {
    const last = await findLastUntil(ctx.db.read, Date.parse(query.until))
    below = Math.min(below, (last ?? 0) + 1)
  }
  return { above, below }
}

/** Those whose body retention has dropped have nothing left to show. */
async function load(ctx: Pick<Context, 'db'>, seqs: readonly number[]): Promise<Event[]> {
  const records = new Map((await listAuditRecordsBySeq(ctx.db.read, seqs)).map((record) => [record.seq, record]))
  return seqs.flatMap((seq) => {
    const record = records.get(seq)
    if (!record || record.body === null) return []
    return [{ ...auditBodySchema.parse(JSON.parse(record.body)), seq, hash: record.hash }]
  })
}
