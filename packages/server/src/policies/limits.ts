import type { Limits } from '@twinlock/evidence'

/** What holds where the configuration says nothing else. */
export const DEFAULT_LIMITS: Limits = {
  statement_timeout_ms: 30_000,
  lock_timeout_ms: 5_000,
  max_rows: 10_000,
  max_result_bytes: 104_857_600,
  max_field_bytes: 16_777_216,
  max_affected_rows: null,
}

/** The bounds of what a configuration may say. */
export const LIMIT_BOUNDS = {
  /** The longest time that PostgreSQL's settings can hold, 24 days. */
  timeoutMs: 2 ** 31 - 1,
  rows: 1_000_000_000,
  resultBytes: 1024 ** 4,
  /** No database holds a larger field. */
  fieldBytes: 4 * 1024 ** 3,
} as const

export type LimitSettings = { readonly [Name in Exclude<keyof Limits, 'max_affected_rows'>]?: number | undefined }

/**
 * Limits with some of them said otherwise. A field's limit that was not said follows the result's: a field larger than
 * the whole result could never arrive.
 */
export function overrideLimits(base: Limits, settings: LimitSettings): Limits {
  const said = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
  const limits: Limits = { ...base, ...said }
  if (settings.max_field_bytes !== undefined) return limits
  return { ...limits, max_field_bytes: Math.min(limits.max_field_bytes, limits.max_result_bytes) }
}
