/** Moves the cursor, changes colours, reorders, hides or splits lines: never sent to a terminal as it came. */
const UNSAFE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u00ad\u180e\u200b\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|<(?=U\+)/gu

/** Beyond that, for text somebody decides on: everything without a shape of its own, and spaces that only look like one. */
const UNSAFE_TO_DECIDE_ON = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}|<(?=U\+)/gu

/**
 * Foreign text as one line that shows every character: `<U+001B>` for those that would act on the terminal. A `<U+` that
 * was there before is shown as `<U+003C>U+`, so that no two texts look the same.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, codePoint)
}

/** The same for several lines: line feeds and tabs stay what they are. */
export function printableLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => keepTabs(line, UNSAFE))
}

type SqlLines =
  | { readonly ok: true; readonly lines: readonly string[]; readonly crlf: boolean }
  | { readonly ok: false; readonly why: string }

/** SQL as a reviewer must see it: faithful, or not at all. */
export function printableSql(sql: string): SqlLines {
  if (!sql.isWellFormed()) return { ok: false, why: 'it holds broken Unicode (a lone surrogate)' }
  // Blank lines around it say nothing; everything else is shown.
  const shown = sql.replace(/^(?:[ \t]*\r?\n)+/, '').replace(/[ \t\r\n]+$/, '')
  const crlf = shown.includes('\r\n') && !/(?<!\r)\n/.test(shown)
  const lines = shown.split(crlf ? '\r\n' : '\n').map((line) => keepTabs(line, UNSAFE_TO_DECIDE_ON))
  return { ok: true, lines, crlf }
}

function keepTabs(line: string, unsafe: RegExp): string {
  return line.replace(unsafe, (found) => (found === '\t' ? found : codePoint(found)))
}

function codePoint(character: string): string {
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`
}
