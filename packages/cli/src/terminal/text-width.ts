import stringWidth from 'string-width'

/** What a palette writes; nothing else of its kind gets into printable text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const STYLE = /(\u001b\[\d+m)/

/** Cells that a text takes in a terminal. */
export function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text)
}

/** Splits a text before its first character that does not fit; at least one is taken. Styles take no room and stay where they are. */
export function splitAtWidth(text: string, width: number): [head: string, rest: string] {
  if (/^[\x20-\x7e]*$/.test(text)) {
    const end = Math.max(width, 1)
    return [text.slice(0, end), text.slice(end)]
  }
  let used = 0
  let end = 0
  for (const part of text.split(STYLE)) {
    if (STYLE.test(part)) {
      end += part.length
      continue
    }
    for (const { segment } of new Intl.Segmenter().segment(part)) {
      used += stringWidth(segment)
      if (used > width && end > 0) return [text.slice(0, end), text.slice(end)]
      end += segment.length
    }
  }
  return [text, '']
}

/** The text in one line of this width; what does not fit is an ellipsis, and styles end as they would have. */
export function cutToWidth(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width < 1) return ''
  if (width === 1) return '…'
  const [head, rest] = splitAtWidth(text, width - 1)
  // A wide character may not fit at all.
  if (widthOf(head) >= width) return '…'
  return `${head}…${(rest.match(new RegExp(STYLE, 'g')) ?? []).join('')}`
}

/** The lines of this width that a text without styles folds into. */
export function foldToWidth(text: string, width: number): string[] {
  const lines: string[] = []
  let rest = text
  do {
    const [head, tail] = splitAtWidth(rest, width)
    lines.push(head)
    rest = tail
  } while (rest !== '')
  return lines
}
