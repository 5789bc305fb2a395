import { DML_FUNCTIONS, HARMLESS_FUNCTIONS, HARMLESS_OPERATORS, PRIVILEGED_FUNCTIONS } from './functions.generated.ts'

/** `set_config` is told apart: what it does depends on its arguments. */
export type FunctionClass = 'harmless' | 'dml' | 'privileged' | 'unknown' | 'set_config'

/** Functions of known extensions that run SQL text, or reach files, other servers or the network. */
const REACHING_EXTENSIONS: readonly RegExp[] = [
  /^(dblink|crosstab|postgres_fdw_|pgsql_http|plpy|pl(sh|v8|perl)|utl_|dbms_|run_command_on_)/,
  /^http(_|$)/,
  /^(connectby|xpath_table|lo_import|lo_export|file_fdw_handler|urlencode_get)$/,
  /^(exec|execute|execute_sql|exec_sql|run_sql|query_exec|eval)$/,
  /^(query_export_to_s3|table_import_from_s3|create_distributed_table|master_run_on_worker)/,
]

/** Schemas of extensions that run SQL text later or elsewhere, or reach the network. */
const REACHING_SCHEMAS: ReadonlySet<string> = new Set(
  `cron aws_s3 aws_lambda aws_commons net http utl_file utl_http dbms_sql dbms_job dbms_scheduler dblink pgagent
  pglogical timescaledb pgq vault`.split(/\s+/),
)

/** Names that the server keeps for itself, also those of versions other than the one the list was made from. */
const SERVER_NAMES = /^(pg_|lo_|binary_upgrade_)/

/**
 * @param parts the name as the parser gives it, each part once: `['f']`, `['schema', 'f']`, `['db', 'schema', 'f']`
 * @param searchPathChanged an earlier statement changed `search_path`, so that unqualified names may be anybody's
 */
export function classifyFunction(parts: readonly string[], searchPathChanged: boolean): FunctionClass {
  const name = parts.at(-1) ?? ''
  const schema = parts.at(-2)
  const reaching = REACHING_EXTENSIONS.some((pattern) => pattern.test(name.toLowerCase()))
  if (schema !== undefined && schema !== 'pg_catalog') {
    if (reaching || REACHING_SCHEMAS.has(schema) || SERVER_NAMES.test(name.toLowerCase())) return 'privileged'
    return 'unknown'
  }
  const builtIn = classifyBuiltIn(name)
  if (builtIn === 'harmless') return schema === undefined && searchPathChanged ? 'unknown' : 'harmless'
  if (builtIn !== undefined) return builtIn
  return reaching || schema === 'pg_catalog' || SERVER_NAMES.test(name.toLowerCase()) ? 'privileged' : 'unknown'
}

function classifyBuiltIn(name: string): FunctionClass | undefined {
  if (name === 'set_config') return 'set_config'
  if (HARMLESS_FUNCTIONS.has(name)) return 'harmless'
  if (DML_FUNCTIONS.has(name)) return 'dml'
  return PRIVILEGED_FUNCTIONS.has(name) ? 'privileged' : undefined
}

/** An operator is a function call in other clothes. */
export function isHarmlessOperator(parts: readonly string[], searchPathChanged: boolean): boolean {
  const schema = parts.at(-2)
  if (schema === undefined && searchPathChanged) return false
  return (schema === undefined || schema === 'pg_catalog') && HARMLESS_OPERATORS.has(parts.at(-1) ?? '')
}
