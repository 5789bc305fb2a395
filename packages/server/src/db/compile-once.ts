import type { CompiledQuery, Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** Stands for a value that each run of the query gives. */
export const VALUE = '\u0000value'

/**
 * A query that is run many times for each statement: its SQL is made at the first run. `build` puts VALUE wherever a run
 * gives a value of its own; those come in the order in which they stand in the SQL.
 */
export function compileOnce<Row>(
  build: (db: Kysely<Tables>) => { compile(): CompiledQuery<Row> },
): (db: Kysely<Tables>, ...values: readonly unknown[]) => Promise<Row | undefined> {
  let compiled: CompiledQuery<Row> | undefined
  return async (db, ...values) => {
    compiled ??= build(db).compile()
    const given = values.values()
    const parameters = compiled.parameters.map((value) => (value === VALUE ? given.next().value : value))
    const { rows } = await db.executeQuery<Row>({ ...compiled, parameters })
    return rows[0]
  }
}
