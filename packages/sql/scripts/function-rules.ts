/**
 * What `pg_proc` cannot say: which volatile functions only read, and which functions reach further than their
 * volatility admits. Read once by the generator; each name was looked at in PostgreSQL 18's `pg_proc` and sources.
 */

/** Volatile, because the answer changes between calls, but nothing else does. */
export const VOLATILE_BUT_HARMLESS: readonly RegExp[] = [
  /^(random|random_normal|array_sample|array_shuffle|gen_random_uuid|uuidv4|uuidv7)$/,
  /^(clock_timestamp|timeofday|current_query)$/,
  /^(currval|lastval|pg_sequence_last_value)$/,
  // They hold a connection for as long as the statement timeout lets them.
  /^pg_sleep(_for|_until)?$/,
  /^pg_(database|relation|table|indexes|total_relation|tablespace)_size$/,
  /^pg_partition_(tree|ancestors)$/,
  /^pg_(is_in_recovery|is_wal_replay_paused|get_wal_replay_pause_state|last_wal_(receive|replay)_lsn)$/,
  /^pg_(last_xact_replay_timestamp|current_wal_lsn|current_wal_insert_lsn|current_wal_flush_lsn)$/,
  /^pg_(blocking_pids|safe_snapshot_blocking_pids|lock_status|prepared_xact|notification_queue_usage)$/,
  /^(txid_status|pg_xact_status|pg_xact_commit_timestamp|pg_xact_commit_timestamp_origin|pg_last_committed_xact)$/,
  /^pg_(collation_actual_version|database_collation_actual_version|jit_available|get_wait_events)$/,
  /^pg_control_(checkpoint|init|recovery|system)$/,
  /^pg_stat_(get_.*|have_stats)$/,
]

/** Never harmless, whatever the volatility says: they run SQL text, read what a name points to, or reach the server. */
export const NEVER_HARMLESS: readonly RegExp[] = [
  /^(query|table|schema|database|cursor)_to_xml/,
  /^ts_(rewrite|stat)$/,
  /^(lo_|pg_logical_|pg_replication_|binary_upgrade_|pg_read_|pg_ls_|pg_stat_reset)/,
  /_validator$/,
  // Both run the input function of a type named by text, and with it a domain's constraints.
  /^pg_input_(is_valid|error_info)$/,
  // STABLE, yet they assign a transaction id.
  /^(txid_current|pg_current_xact_id)$/,
]

/** Not harmless, but no more than a change of data, a lock, or something left in the session. */
export const CHANGES_DATA: readonly RegExp[] = [
  /^(nextval|setval|setseed|pg_notify)$/,
  /^pg_(try_)?advisory_/,
  /^(txid_current|pg_current_xact_id)$/,
  /^pg_input_(is_valid|error_info)$/,
  /^lo_(?!import$|export$)/,
  /^(loread|lowrite)$/,
  /^pg_stat_(clear_snapshot|force_next_flush)$/,
]
