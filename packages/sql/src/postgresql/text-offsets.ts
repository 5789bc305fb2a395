/** Maps the parser's positions to UTF-16 offsets of the text it was given. */
export interface TextOffsets {
  /** From UTF-8 bytes, as in `location` and `stmt_len`. */
  fromBytes(offset: number): number
  /** From characters (code points), as in error positions. */
  fromCharacters(offset: number): number
}

export function textOffsets(sql: string): TextOffsets {
  const clamp = (offset: number) => Math.max(0, Math.min(offset, sql.length))
  if (Buffer.byteLength(sql) === sql.length) return { fromBytes: clamp, fromCharacters: clamp }
  const byByte = new Uint32Array(Buffer.byteLength(sql) + 1)
  const byCharacter: number[] = []
  let byte = 0
  let unit = 0
  for (const character of sql) {
    byCharacter.push(unit)
    const width = utf8Width(character.codePointAt(0) ?? 0)
    byByte.fill(unit, byte, byte + width)
    byte += width
    unit += character.length
  }
  byByte[byte] = unit
  return {
    fromBytes: (offset) => byByte[Math.max(0, Math.min(offset, byte))] ?? unit,
    fromCharacters: (offset) => byCharacter[Math.max(0, offset)] ?? unit,
  }
}

function utf8Width(codePoint: number): number {
  if (codePoint < 0x80) return 1
  if (codePoint < 0x800) return 2
  return codePoint < 0x10000 ? 3 : 4
}
