import type { Clock } from '../clock.ts'
import type { Context } from '../context.ts'
import { recordUse } from './token-store.ts'

const HOUR_MS = 3_600_000

/**
 * When tokens, and the people who hold them, were last seen, to the hour. Kept in memory and written hourly, so that a
 * server whose agents only poll writes nothing to the disk.
 */
export interface LastUse {
  note(tokenId: string, userId?: string): void
  /** What is noted of a token or a user and not written yet, or what was written. */
  of(id: string, written: number | null): number | null
  /** Tokens whose time is not written yet; nothing before an hour has passed, unless `all`. */
  due(all: boolean): readonly (readonly [tokenId: string, at: number])[]
  written(tokenId: string, at: number): void
}

export function createLastUse(clock: Clock): LastUse {
  const noted = new Map<string, number>()
  const unwritten = new Map<string, number>()
  let since = clock.now()

  const note = (id: string, at: number): boolean => {
    if (noted.get(id) === at) return false
    noted.set(id, at)
    return true
  }

  return {
    note(tokenId, userId) {
      const now = clock.now()
      const at = now - (now % HOUR_MS)
      if (note(tokenId, at)) unwritten.set(tokenId, at)
      if (userId !== undefined) note(userId, at)
    },
    of: (id, written) => noted.get(id) ?? written,
    due(all) {
      if (!all && clock.now() - since < HOUR_MS) return []
      since = clock.now()
      return [...unwritten]
    },
    written(tokenId, at) {
      if (unwritten.get(tokenId) === at) unwritten.delete(tokenId)
    },
  }
}

/** Writes down what is due, all of it with one transaction. */
export async function flushLastUse(ctx: Pick<Context, 'db' | 'lastUse'>, all = false): Promise<void> {
  const due = ctx.lastUse.due(all)
  if (due.length === 0) return
  await ctx.db.transact(async (tx) => {
    for (const [tokenId, at] of due) await recordUse(tx, tokenId, at)
  })
  for (const [tokenId, at] of due) ctx.lastUse.written(tokenId, at)
}
