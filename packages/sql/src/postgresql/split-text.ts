import type { RawStatement } from './parse-tree.ts'
import type { TextOffsets } from './text-offsets.ts'

/** A statement's slice of the submitted text and the UTF-16 offset of its first token. */
export interface Slice {
  sql: string
  start: number
}

/**
 * Cuts the text after the `;` of every statement but the last, which takes the rest. Empty statements between two
 * `;` fall to the slice that follows, so the slices joined are the text.
 * @returns undefined when the parser's offsets do not fit the text: then nothing it said can be relied upon.
 */
export function splitText(sql: string, statements: RawStatement[], offsets: TextOffsets): Slice[] | undefined {
  const slices: Slice[] = []
  let from = 0
  for (const [index, { location, length }] of statements.entries()) {
    const start = offsets.fromBytes(location)
    const isLast = index === statements.length - 1
    const semicolon = offsets.fromBytes(location + length)
    if (start < from || semicolon < start) return undefined
    if (!isLast && (length === 0 || sql[semicolon] !== ';')) return undefined
    const to = isLast ? sql.length : semicolon + 1
    slices.push({ sql: sql.slice(from, to), start })
    from = to
  }
  return slices
}
