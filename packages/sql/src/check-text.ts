import type { Analysis } from './analysis.ts'

/** Texts up to this size are parsed; larger ones count as unparsed. */
export const MAX_PARSED_BYTES = 128 * 1024
/** Texts over this size are refused. */
export const MAX_TEXT_BYTES = 1024 * 1024

/** What is wrong with the text before any parser sees it, or undefined. */
export function checkText(sql: string): Extract<Analysis, { ok: false }> | undefined {
  // UTF-8 never takes fewer bytes than UTF-16 code units: a huge text is refused unread.
  if (sql.length > MAX_TEXT_BYTES || Buffer.byteLength(sql) > MAX_TEXT_BYTES) {
    return { ok: false, code: 'sql_too_large', message: `The SQL is larger than ${MAX_TEXT_BYTES} bytes` }
  }
  // A parser in C stops at NUL, and replaces a lone surrogate: either way it would judge another text.
  const nul = sql.indexOf('\0')
  if (nul >= 0) return { ok: false, code: 'sql_invalid_text', message: 'The SQL has a NUL character', position: nul }
  if (!sql.isWellFormed()) {
    const position = sql.search(/\p{Surrogate}/u)
    return { ok: false, code: 'sql_invalid_text', message: 'The SQL has a lone surrogate', position }
  }
  return undefined
}
