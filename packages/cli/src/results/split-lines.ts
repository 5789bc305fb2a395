/** Longer than any honest line: 1000 rows under the largest result an agent sends. */
const MAX_LINE_BYTES = 256 * 1024 * 1024

/** The lines of a byte stream without their line feeds; empty ones, which keep a connection alive, are left out. */
export async function* splitLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of bytes) {
    let from = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, from)) {
      parts.push(chunk.subarray(from, end))
      const line = parts.length === 1 ? (parts[0] ?? chunk) : Buffer.concat(parts)
      parts = []
      length = 0
      from = end + 1
      if (line.length > 0) yield line
    }
    if (from < chunk.length) parts.push(chunk.subarray(from))
    length += chunk.length - from
    if (length > MAX_LINE_BYTES) throw new RangeError('a line is longer than 256 MiB')
  }
  if (length > 0) yield Buffer.concat(parts)
}
