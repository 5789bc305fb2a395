import type { Column } from './driver.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import type { Field } from './postgres-exchange.ts'

/** Below this, types belong to PostgreSQL itself and mean the same in every database. */
const FIRST_USER_OID = 16_384
const MAX_CACHED = 1_000

const FORMAT_TYPES = `select pg_catalog.format_type(t.oid, t.typmod)
  from rows from (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.int4[]))
    with ordinality as t (oid, typmod, n)
  order by t.n`

/** Names of types by oid and modifier; built-in ones are kept for all sessions, others can change under their oid. */
export type TypeNames = Map<string, string>

/** Without asking the server; undefined when it has to be. */
export function toKnownColumns(fields: Field[], known: TypeNames): Column[] | undefined {
  const columns: Column[] = []
  for (const field of fields) {
    const type = known.get(keyOf(field))
    if (type === undefined) return undefined
    columns.push({ name: field.name, type })
  }
  return columns
}

export async function toColumns(connection: PostgresConnection, fields: Field[], known: TypeNames): Promise<Column[]> {
  const missing = new Map<string, Field>()
  for (const field of fields) if (!known.has(keyOf(field))) missing.set(keyOf(field), field)
  const fresh = await formatTypes(connection, [...missing.values()])
  if (known.size > MAX_CACHED) known.clear()
  for (const [key, field] of missing) {
    const name = fresh.get(key)
    if (name !== undefined && field.dataTypeID < FIRST_USER_OID) known.set(key, name)
  }
  return fields.map((field) => ({
    name: field.name,
    type: known.get(keyOf(field)) ?? fresh.get(keyOf(field)) ?? '???',
  }))
}

async function formatTypes(connection: PostgresConnection, fields: Field[]): Promise<Map<string, string>> {
  if (fields.length === 0) return new Map()
  const oids = `{${fields.map((field) => field.dataTypeID).join()}}`
  const modifiers = `{${fields.map((field) => field.dataTypeModifier).join()}}`
  const rows = await connection.query(FORMAT_TYPES, [oids, modifiers])
  return new Map(fields.map((field, index) => [keyOf(field), rows[index]?.[0] ?? '???']))
}

function keyOf(field: Field): string {
  return `${field.dataTypeID}:${field.dataTypeModifier}`
}
