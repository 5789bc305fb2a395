import { type Kysely, sql } from 'kysely'
import { initial } from './migrations/001-initial.ts'
import type { Tables } from './tables.ts'

export interface Migration {
  readonly name: string
  /** Statements in order. */
  readonly statements: readonly string[]
}

const MIGRATIONS: readonly Migration[] = [initial]

/** Brings the schema up to date, each migration in a transaction of its own. Refuses a schema newer than this version. */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  await sql`create table if not exists schema_migrations (name text primary key, applied_at text not null default current_timestamp)`.execute(
    db,
  )
  const applied = new Set((await db.selectFrom('schema_migrations').select('name').execute()).map((row) => row.name))
  const unknown = [...applied].find((name) => !MIGRATIONS.some((migration) => migration.name === name))
  if (unknown)
    throw new Error(
      `the state was written by a newer version of Twinlock (it has migration ${unknown}); run that version`,
    )
  for (const migration of MIGRATIONS) {
    if (applied.has(migration.name)) continue
    await db.transaction().execute(async (tx) => {
      for (const statement of migration.statements) await sql.raw(statement).execute(tx)
      await tx.insertInto('schema_migrations').values({ name: migration.name }).execute()
    })
  }
}
