const MAX_ENTRIES = 512
/** Characters; a longer text is parsed each time. */
const MAX_LENGTH = 32 * 1024

/**
 * A parser that remembers what it made of the last texts it saw. The key is the text itself, so that what is remembered
 * is what parsing it again would give; for values that nobody changes.
 */
export function parseOnce<T>(parse: (text: string) => T): (text: string) => T {
  const parsed = new Map<string, T>()
  return (text) => {
    const known = parsed.get(text)
    if (known !== undefined) return known
    const value = parse(text)
    if (text.length > MAX_LENGTH) return value
    if (parsed.size >= MAX_ENTRIES) parsed.delete(parsed.keys().next().value as string)
    parsed.set(text, value)
    return value
  }
}
