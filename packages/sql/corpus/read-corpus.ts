import { readFileSync } from 'node:fs'

/**
 * A line of `postgresql.jsonl`: SQL, what it must be classified as, and why. Expected, by statement, joined by `; `:
 * `select plain`; `dml`; `ddl notx` (not transactional); `privileged !rule` (forbidden); `dml ?f,g` (calls the unknown
 * functions f and g, for which alone it is not a read); `dml f` (calls f, but not for that alone); or the code of the
 * refusal of the whole text.
 */
export type Case = readonly [sql: string, expected: string, why: string]

export function readCorpus(): Case[] {
  const lines = readFileSync(new URL('./postgresql.jsonl', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map((line): Case => JSON.parse(line))
}
