import type { Operation } from '../analysis.ts'

/** What changing a setting is: a class, or refused by name. */
export type SettingClass = { forbidden: string } | { operation: Operation; code: string }

/** Planner, memory and timeouts: they change how fast an answer comes, or whether, never which. */
const HARMLESS: ReadonlySet<string> = new Set(
  `enable_async_append enable_bitmapscan enable_distinct_reordering enable_gathermerge enable_group_by_reordering
  enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material
  enable_memoize enable_mergejoin enable_nestloop enable_parallel_append enable_parallel_hash enable_partition_pruning
  enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate enable_self_join_elimination
  enable_seqscan enable_sort enable_tidscan constraint_exclusion cursor_tuple_fraction plan_cache_mode
  recursive_worktable_factor from_collapse_limit join_collapse_limit geqo geqo_effort geqo_generations geqo_pool_size
  geqo_seed geqo_selection_bias geqo_threshold cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost
  parallel_setup_cost parallel_tuple_cost random_page_cost seq_page_cost min_parallel_index_scan_size
  min_parallel_table_scan_size max_parallel_workers max_parallel_workers_per_gather max_parallel_maintenance_workers
  parallel_leader_participation effective_cache_size effective_io_concurrency maintenance_io_concurrency jit
  jit_above_cost jit_inline_above_cost jit_optimize_above_cost work_mem maintenance_work_mem hash_mem_multiplier
  temp_buffers statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout
  transaction_timeout`.split(/\s+/),
)

/** How values are written, and in part how literals are read: exact results depend on them. */
const FORMATS: ReadonlySet<string> = new Set([
  'datestyle',
  'intervalstyle',
  'timezone',
  'extra_float_digits',
  'bytea_output',
])

const FORBIDDEN: ReadonlyMap<string, string> = new Map([
  ['role', 'set_role'],
  ['session_authorization', 'set_session_authorization'],
  ['is_superuser', 'set_session_authorization'],
  ['client_encoding', 'set_names'],
  ...['standard_conforming_strings', 'backslash_quote', 'escape_string_warning', 'transform_null_equals']
    .concat('array_nulls', 'xmloption')
    .map((name): [string, string] => [name, 'text_reading_setting']),
  ...['transaction_read_only', 'transaction_isolation', 'transaction_deferrable']
    .concat('default_transaction_read_only', 'default_transaction_isolation', 'default_transaction_deferrable')
    .map((name): [string, string] => [name, 'transaction_control']),
  // VAR_SET_MULTI statements carry their words in the name's place.
  ['transaction', 'transaction_control'],
  ['transaction snapshot', 'transaction_control'],
  ['session characteristics', 'transaction_control'],
])

/** Setting names are case-insensitive to the server, also when quoted. */
export function settingName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** @param name as `settingName` gives it */
export function classifySetting(name: string): SettingClass {
  const forbidden = FORBIDDEN.get(name)
  if (forbidden !== undefined) return { forbidden }
  if (name === 'search_path') return { operation: 'dml', code: 'search_path' }
  if (HARMLESS.has(name)) return { operation: 'select', code: 'session_setting' }
  if (FORMATS.has(name)) return { operation: 'dml', code: 'format_setting' }
  return { operation: 'privileged', code: 'privileged_setting' }
}
