import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Context } from '../context.ts'
import { readKeptResults } from '../executions/read-results.ts'

const PAGE = 500

/** Counts at the start what results take, and removes what a crash left behind or what no execution knows of. */
export async function prepareResults(
  ctx: Pick<Context, 'config' | 'db' | 'logger' | 'results' | 'room' | 'serverId'>,
): Promise<void> {
  claimFolder(ctx)
  const ids = await ctx.results.list()
  for (let from = 0; from < ids.length; from += PAGE) {
    const page = ids.slice(from, from + PAGE)
    const kept = await readKeptResults(ctx.db.read, page)
    for (const id of page) {
      if (kept.has(id)) ctx.room.add(id, await ctx.results.measure(id))
      else await ctx.results.remove(id)
    }
  }
}

/** Another server's results are nobody's orphans. The folder in state_dir is this one's whatever state was there before. */
function claimFolder({ config, serverId }: Pick<Context, 'config' | 'serverId'>): void {
  const { dir } = config.results
  const file = join(dir, 'server-id')
  const owner = existsSync(file) ? readFileSync(file, 'utf8').trim() : serverId
  if (owner !== serverId && resolve(dirname(dir)) !== resolve(config.stateDir))
    throw new Error(`${dir} has the results of another server; give this one a results.dir of its own`)
  writeFileSync(file, `${serverId}\n`, { mode: 0o600 })
}
