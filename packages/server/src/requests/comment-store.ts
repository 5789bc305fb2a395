import type { Kysely } from 'kysely'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'

export interface Comment {
  readonly id: string
  readonly requestId: string
  readonly authorId: string
  readonly text: string
  readonly at: number
}

export async function insertComment(tx: Tx, comment: Comment): Promise<void> {
  await tx
    .insertInto('comments')
    .values({
      id: comment.id,
      request_id: comment.requestId,
      author_id: comment.authorId,
      text: comment.text,
      created_at: comment.at,
    })
    .execute()
}

export async function countComments(db: Kysely<Tables>, requestId: string, authorId: string): Promise<number> {
  const { count } = await db
    .selectFrom('comments')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('request_id', '=', requestId)
    .where('author_id', '=', authorId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Of several requests, by their ids; oldest first. */
export async function listCommentsOf(
  db: Kysely<Tables>,
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, Comment[]>> {
  const rows = await db
    .selectFrom('comments')
    .selectAll()
    .where('request_id', 'in', requestIds)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  const comments = new Map<string, Comment[]>()
  for (const row of rows) {
    const ofRequest = comments.get(row.request_id) ?? []
    comments.set(row.request_id, ofRequest)
    ofRequest.push({
      id: row.id,
      requestId: row.request_id,
      authorId: row.author_id,
      text: row.text,
      at: row.created_at,
    })
  }
  return comments
}

/** Of several requests, by their ids, in characters. */
export async function countCommentLength(
  db: Kysely<Tables>,
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (requestIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('comments')
    .select((eb) => ['request_id', eb.fn.sum<number>(eb.fn<number>('length', ['text'])).as('length')])
    .where('request_id', 'in', requestIds)
    .groupBy('request_id')
    .execute()
  return new Map(rows.map((row) => [row.request_id, Number(row.length)]))
}
